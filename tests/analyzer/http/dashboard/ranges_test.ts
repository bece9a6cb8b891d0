import assert from "node:assert/strict";
import {
  frameOf,
  POINTS_MAX,
  presetOf,
  PRESETS,
  stepFor,
  toDuration,
} from "../../../../analyzer/http/dashboard/ranges.js";

Deno.test("stepFor() is a multiple of the window that draws any range in few points", () => {
  for (const windowMs of [100, 1000, 7000, 30_000, 60_000, 300_000, 5_400_000]) {
    for (const { ms } of PRESETS) {
      const stepMs = stepFor(ms, windowMs);
      assert.equal(stepMs % windowMs, 0);
      assert.ok(ms / stepMs <= POINTS_MAX, `${windowMs} ${ms}`);
    }
  }
});

Deno.test("stepFor() is the shortest step that people count in", () => {
  const steps = PRESETS.map(({ ms }) => toDuration(stepFor(ms, 30_000)));
  assert.deepEqual(steps, ["30s", "30s", "1m", "5m", "30m", "2h"]);
  assert.equal(stepFor(POINTS_MAX * 30_000, 30_000), 30_000);
  assert.equal(stepFor(POINTS_MAX * 30_000 + 1, 30_000), 60_000);
  // 7 s divides no step that people count in.
  assert.equal(stepFor(86_400_000, 7000), 175_000);
});

Deno.test("frameOf() ends at the newest window, on bounds of its steps", () => {
  const nowMs = Date.parse("2025-05-30T18:53:30Z");
  const frame = frameOf({ preset: "1h" }, { nowMs, windowMs: 30_000 });
  assert.deepEqual(frame, { fromMs: nowMs - 3_600_000, toMs: nowMs, stepMs: 30_000 });
  const day = frameOf({ preset: "24h" }, { nowMs, windowMs: 30_000 });
  assert.deepEqual(day, {
    fromMs: Date.parse("2025-05-29T18:55:00Z"),
    toMs: Date.parse("2025-05-30T18:55:00Z"),
    stepMs: 300_000,
  });
});

Deno.test("frameOf() widens a range to whole buckets, and never to none", () => {
  const times = { nowMs: 0, windowMs: 30_000 };
  assert.deepEqual(frameOf({ fromMs: 30_001, toMs: 59_999 }, times), {
    fromMs: 30_000,
    toMs: 60_000,
    stepMs: 30_000,
  });
  assert.deepEqual(frameOf({ fromMs: 30_000, toMs: 30_000 }, times), {
    fromMs: 30_000,
    toMs: 60_000,
    stepMs: 30_000,
  });
});

Deno.test("presetOf() knows every preset, and the hour for anything else", () => {
  for (const preset of PRESETS) assert.equal(presetOf(preset.name), preset);
  assert.equal(presetOf("__proto__").name, "1h");
});

Deno.test("toDuration() writes the largest unit that is whole", () => {
  const texts = [1, 1000, 90_000, 120_000, 3_600_000, 5_400_000, 172_800_000].map(toDuration);
  assert.deepEqual(texts, ["1ms", "1s", "90s", "2m", "1h", "90m", "2d"]);
});
