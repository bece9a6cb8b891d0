import assert from "node:assert/strict";
import { startServer } from "../../../analyzer/deno/http_server.ts";
import { StartException } from "../../../analyzer/exceptions.ts";

function neverCalled(exception: unknown): void {
  assert.fail(String(exception));
}

const HERE = { hostname: "127.0.0.1", port: 0 };

Deno.test("startServer() serves at the address that it names", async () => {
  const server = startServer(HERE, () => new Response("hello"), neverCalled);
  try {
    assert.match(server.url, /^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
    assert.equal(await (await fetch(`${server.url}/x`)).text(), "hello");
  } finally {
    await server.stop();
  }
  await assert.rejects(fetch(server.url));
});

Deno.test("startServer() writes an IPv6 address in brackets", async () => {
  const server = startServer({ hostname: "::1", port: 0 }, () => new Response("6"), neverCalled);
  try {
    assert.match(server.url, /^http:\/\/\[::1\]:\d+$/);
    assert.equal(await (await fetch(server.url)).text(), "6");
  } finally {
    await server.stop();
  }
});

Deno.test("startServer() says that a port is in use", () => {
  using taken = Deno.listen(HERE);
  const { port } = taken.addr;
  assert.throws(
    () => startServer({ ...HERE, port }, () => new Response(), neverCalled),
    (exception) => {
      assert.ok(exception instanceof StartException);
      assert.equal(exception.exitStatus, 1);
      assert.equal(
        exception.message,
        `Cannot listen on 127.0.0.1:${port}: the port is in use; ` +
          "stop what listens there, or take another port",
      );
      return true;
    },
  );
});

Deno.test("RunningServer.stop() does not wait for answers that never end", async () => {
  const cancelled = Promise.withResolvers<void>();
  const server = startServer(
    HERE,
    () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new TextEncoder().encode("first\n")),
          cancel: () => cancelled.resolve(),
        }),
      ),
    () => {},
  );
  const reader = (await fetch(server.url)).body!.getReader();
  assert.equal(new TextDecoder().decode((await reader.read()).value), "first\n");
  await server.stop();
  await assert.rejects(reader.read());
  await cancelled.promise;
});

Deno.test("startServer() tells when an answer was sent, and when nobody takes it any more", async () => {
  const told: Promise<void>[] = [];
  let finish!: () => void;
  const server = startServer(HERE, (_request, sent) => {
    told.push(sent);
    return new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode("first\n"));
          finish = () => controller.close();
        },
      }),
    );
  }, () => {});
  try {
    const response = await fetch(server.url);
    let isTold = false;
    void told[0]!.then(() => isTold = true);
    await new Promise((resolve) => setTimeout(resolve));
    assert.equal(isTold, false, "the answer has only begun");
    finish();
    assert.equal(await response.text(), "first\n");
    await told[0];
    const { body } = await fetch(server.url);
    await body!.cancel();
    await told[1];
  } finally {
    await server.stop();
  }
});

Deno.test("startServer() answers 500 where a handler fails, and tells of it", async () => {
  const exceptions: unknown[] = [];
  const exception = new Error("broken");
  const server = startServer(HERE, () => {
    throw exception;
  }, (cause) => exceptions.push(cause));
  try {
    const response = await fetch(server.url);
    assert.equal(response.status, 500);
    assert.equal(await response.text(), "");
    assert.deepEqual(exceptions, [exception]);
  } finally {
    await server.stop();
  }
});

Deno.test("RunningServer.isAnswering() holds while a request waits for its answer", async () => {
  const answer = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const server = startServer(HERE, async () => {
    asked.resolve();
    await answer.promise;
    return new Response("late");
  }, neverCalled);
  try {
    assert.equal(server.isAnswering(), false);
    const response = fetch(server.url);
    await asked.promise;
    assert.equal(server.isAnswering(), true);
    answer.resolve();
    assert.equal(await (await response).text(), "late");
  } finally {
    await server.stop();
  }
});

Deno.test("RunningServer.isAnswering() does not count a request whose body is still being sent", async () => {
  const asked = Promise.withResolvers<void>();
  const server = startServer(HERE, async (request) => {
    asked.resolve();
    return new Response(await request.text());
  }, neverCalled);
  try {
    let end!: () => void;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("half"));
        end = () => controller.close();
      },
    });
    const response = fetch(server.url, { method: "POST", body });
    await asked.promise;
    assert.equal(server.isAnswering(), false);
    end();
    assert.equal(await (await response).text(), "half");
    assert.equal(server.isAnswering(), true, "the answer may be on its way");
  } finally {
    await server.stop();
  }
});

Deno.test("RunningServer.stop() lets who has sent a body have the answer that is due", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const server = startServer(HERE, async () => {
    asked.resolve();
    await answer.promise;
    return new Response("counted", { status: 503 });
  }, neverCalled);
  const response = fetch(server.url, { method: "POST", body: "a line\n" });
  await asked.promise;
  const stopped = server.stop();
  answer.resolve();
  assert.deepEqual([(await response).status, await (await response).text()], [503, "counted"]);
  await stopped;
});

Deno.test("RunningServer.stop() lets the end of a stream reach who reads it", async () => {
  let end!: () => void;
  const server = startServer(
    HERE,
    () =>
      new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(new TextEncoder().encode("first\n"));
            end = () => {
              controller.enqueue(new TextEncoder().encode("last\n"));
              controller.close();
            };
          },
        }),
      ),
    neverCalled,
  );
  const response = await fetch(server.url);
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  assert.equal(decoder.decode((await reader.read()).value), "first\n");
  // Longer ago than a usual answer takes to be sent.
  await new Promise((resolve) => setTimeout(resolve, 50));
  end();
  const stopped = server.stop({ hasEnding: true });
  assert.equal(decoder.decode((await reader.read()).value), "last\n");
  assert.equal((await reader.read()).done, true);
  await stopped;
});
