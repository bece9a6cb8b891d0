import assert from "node:assert/strict";
import { Api, ApiException } from "../../../../analyzer/http/dashboard/api.js";

/** An API whose server answers so, and the requests that it got. */
function apiOf(answer: () => Response) {
  const requests: { url: string; headers: Headers }[] = [];
  const api = new Api(
    "https://example.test/vigie/",
    (url: RequestInfo | URL, init?: RequestInit) => {
      requests.push({ url: String(url), headers: new Headers(init?.headers) });
      return Promise.resolve().then(answer);
    },
  );
  return { api, requests };
}

const { signal } = new AbortController();

Deno.test("Api.get() asks below the page, and leaves out what is not given", async () => {
  const { api, requests } = apiOf(() => Response.json({ a: 1 }));
  const query = { from: "x y", status: undefined, url: ["/a", "/b&c"] };
  assert.deepEqual(await api.get("summary/clients", query, signal), { a: 1 });
  assert.equal(
    requests[0]!.url,
    "https://example.test/vigie/summary/clients?from=x+y&url=%2Fa&url=%2Fb%26c",
  );
  assert.equal(requests[0]!.headers.get("authorization"), null);
});

Deno.test("Api.get() sends the token as a header, never in the address", async () => {
  const { api, requests } = apiOf(() => Response.json({}));
  api.token = "correct-horse";
  await api.get("windows", {}, signal);
  assert.equal(requests[0]!.headers.get("authorization"), "Bearer correct-horse");
  assert.ok(!requests[0]!.url.includes("horse"));
});

Deno.test("Api.get() tells why there is no answer", async () => {
  const exceptionOf = async (answer: () => Response) => {
    try {
      await apiOf(answer).api.get("x", {}, signal);
    } catch (exception) {
      assert.ok(exception instanceof ApiException);
      const { message, status, code } = exception;
      return { message, status, code };
    }
    return assert.fail("no exception");
  };
  const refusal = { error: { code: "not_saved", message: "Nothing is saved" } };
  assert.deepEqual(await exceptionOf(() => Response.json(refusal, { status: 404 })), {
    message: "Nothing is saved",
    status: 404,
    code: "not_saved",
  });
  assert.deepEqual(await exceptionOf(() => new Response("<html>", { status: 502 })), {
    message: "The server answers 502",
    status: 502,
    code: undefined,
  });
  assert.deepEqual(await exceptionOf(() => new Response('{"windows":[')), {
    message: "The answer broke off",
    status: undefined,
    code: undefined,
  });
  const unreachable = () => {
    throw new TypeError("Failed to fetch");
  };
  assert.equal((await exceptionOf(unreachable)).message, "The server does not answer");
});

Deno.test("Api.get() does not wait for ever, and tells who has given up", async () => {
  const answer: typeof fetch = (_input, init) => {
    const { promise, reject } = Promise.withResolvers<Response>();
    init!.signal!.addEventListener("abort", () => reject(init!.signal!.reason));
    return promise;
  };
  const api = new Api("http://localhost/", answer, 1);
  await assert.rejects(api.get("x", {}, signal), { message: "The server is too slow" });
  const given = new AbortController();
  const asked = new Api("http://localhost/", answer).get("x", {}, given.signal);
  given.abort(new Error("nobody wants to know"));
  await assert.rejects(asked, { message: "nobody wants to know" });
});
