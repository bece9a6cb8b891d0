import type { Span, SpanAttributes, Tracing } from "../../analyzer/tracing.ts";

/** Keeps what was told of, one line a step: `begin NAME {…}`, `reach …`, `end {…}`, `fail … {…}`. */
export class RecordedTracing implements Tracing {
  readonly log: string[] = [];

  begin(name: string, attributes: SpanAttributes = {}): Span {
    let isOver = false;
    const tell = (line: string) => {
      if (!isOver) this.log.push(line);
    };
    tell(`begin ${name} ${JSON.stringify(attributes)}`);
    return {
      reach: (what) => tell(`reach ${what}`),
      end: (attributes = {}) => {
        tell(`end ${JSON.stringify(attributes)}`);
        isOver = true;
      },
      fail: (why, attributes = {}) => {
        tell(`fail ${why} ${JSON.stringify(attributes)}`);
        isOver = true;
      },
    };
  }
}
