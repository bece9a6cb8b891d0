import { resolve } from "node:path";
import type { HostPort } from "../../command_line/options.ts";
import type { Clock } from "../clock.ts";
import type { AnalyzerConfig } from "../config.ts";
import { messageOf } from "../exceptions.ts";
import { ErrorSearch } from "../history/error_search.ts";
import { answerStarting, createApp, type HttpApp } from "../http/app.ts";
import { BearerToken } from "../http/bearer_token.ts";
import { EventIds } from "../http/event_ids.ts";
import { EventPublisher } from "../http/event_publisher.ts";
import { Guard } from "../http/guard.ts";
import { HostList } from "../http/host_list.ts";
import type { LimitCounter } from "../limits.ts";
import type { RunningPipeline } from "../pipeline.ts";
import { isLoopback } from "../source/ip_network.ts";
import { type RunningServer, startServer } from "./http_server.ts";
import type { OpenResults } from "./results.ts";
import { readTokenFile } from "./token_file.ts";

/** What the interface is given by the run. */
export interface HttpInterfaceOptions {
  readonly config: AnalyzerConfig;
  readonly clock: Clock;
  readonly limitCounter: LimitCounter;
  readonly version: string;
  readonly startedAtMs: number;
  readonly notice: (line: string) => void;
}

/**
 * The HTTP interface of a run. It listens before there is anything to answer from, since a port in
 * use has to be known before anything is moved or consumed. Imported by those runs alone that have it:
 * it takes some 15 ms of their start, and 6 MB of memory.
 */
export class HttpInterface {
  readonly #options: HttpInterfaceOptions;
  readonly #address: HostPort;
  readonly #guard: Guard;
  #server: RunningServer | undefined;
  #app: HttpApp | undefined;
  #events: EventPublisher | undefined;

  private constructor(options: HttpInterfaceOptions, address: HostPort, guard: Guard) {
    this.#options = options;
    this.#address = address;
    this.#guard = guard;
  }

  /**
   * Reads whom to answer; listens to nobody yet.
   *
   * @throws {StartException} where there is no token in the file of the token
   */
  static async create(address: HostPort, options: HttpInterfaceOptions): Promise<HttpInterface> {
    const { config: { tokenFile, httpHosts, limits }, limitCounter, notice } = options;
    const token = tokenFile === undefined
      ? undefined
      : await BearerToken.of(await readTokenFile(resolve(tokenFile), notice));
    const hosts = new HostList(address, httpHosts);
    return new HttpInterface(
      options,
      address,
      new Guard({ token, hosts, limits, limitCounter }),
    );
  }

  /** Where it listens. */
  get url(): string | undefined {
    return this.#server?.url;
  }

  /** Whether it deals with a request at this moment. */
  isAnswering(): boolean {
    return this.#server?.isAnswering() ?? false;
  }

  /**
   * Listens, and tells whoever asks that the state is being restored.
   *
   * @throws {StartException} where it cannot
   */
  listen(): void {
    this.#server = startServer(
      this.#address,
      (request, sent) =>
        this.#guard.answer(
          request,
          sent,
          (request) => this.#app?.fetch(request) ?? answerStarting(),
        ),
      (exception) => this.#report(exception),
    );
  }

  /** Answers from a run from now on. */
  serve(pipeline: RunningPipeline, opened: OpenResults): void {
    const { config, clock, limitCounter, version, startedAtMs, notice } = this.#options;
    const { identity, state } = opened.recovered;
    const onException = (exception: unknown) => this.#report(exception);
    this.#events = new EventPublisher({
      live: pipeline.board,
      history: opened.history,
      clock,
      ids: new EventIds({
        outputId: identity.outputId,
        runId: crypto.randomUUID(),
        newestStartMs: opened.history.newestStartMs(),
      }),
      showsSamples: !config.maskIp,
      limits: config.limits,
      limitCounter,
      onException,
    });
    this.#app = createApp({
      live: pipeline.board,
      history: opened.history,
      events: this.#events,
      savedErrors: opened.savedErrors && new ErrorSearch({
        ...opened.savedErrors,
        windowLengthMs: config.windowLengthMs,
        limits: config.limits,
        limitCounter,
        monotonicMs: () => clock.monotonicMs(),
      }),
      deliveries: pipeline.deliveries,
      retention: opened.retention,
      limits: config.limits,
      limitCounter,
      turn: () => clock.turn(),
      refused: this.#guard.refused,
      health: pipeline.health,
      ...(state === undefined ? {} : { totalsAtStart: state.totals }),
      version,
      startedAtMs,
      nowMs: () => clock.wallMs(),
      onException,
    });
    if (config.tokenFile !== undefined || isLoopback(this.#address.hostname)) return;
    notice(
      `Results are served to anyone who reaches ${this.url!.replace("http://", "")}: ` +
        "add --token-file, or bind to 127.0.0.1",
    );
  }

  /** Ends it, once what is being answered has its answer. */
  async stop(): Promise<void> {
    // The server would wait for ever for streams that do not end by themselves.
    await this.#server?.stop({ hasEnding: this.#events?.stop() ?? false });
  }

  #report(exception: unknown): void {
    this.#options.notice(`HTTP: an answer failed: ${messageOf(exception)}`);
  }
}
