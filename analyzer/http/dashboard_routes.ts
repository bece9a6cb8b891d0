import type { Context } from "hono";
import { sha256 } from "../sha256.ts";
import { ASSETS_ROUTE, INDEX_ROUTE } from "./api/program_routes.ts";
import { type Asset, ASSETS, PAGE } from "./dashboard/assets.ts";
import { JSON_TYPE } from "./json_answer.ts";
import { negotiate } from "./negotiate.ts";
import { type Route, route } from "./route.ts";

/**
 * The page at `/` for browsers, and what it loads. All of it is the same for everybody and holds no
 * figure: the page asks the other routes for those, with the token where there is one.
 *
 * @param index what `/` answers to all other clients
 */
export function dashboardRoutes(index: (context: Context) => Response): Route[] {
  const page = new ServedAsset(PAGE);
  const assets = new Map([...ASSETS].map(([name, asset]) => [name, new ServedAsset(asset)]));
  return [
    route(INDEX_ROUTE, async (context) => {
      if (!wantsPage(context.req.header("accept"))) {
        context.header("Vary", "Accept");
        return index(context);
      }
      const response = await page.answer(context);
      response.headers.append("Vary", "Accept");
      return response;
    }),
    route(
      ASSETS_ROUTE,
      (context) =>
        assets.get(context.req.param("name") ?? "")?.answer(context) ?? context.notFound(),
    ),
  ];
}

/** Whether a client that sends this `Accept` header would rather have the page than the list. */
export function wantsPage(accept: string | undefined): boolean {
  return negotiate(accept, [JSON_TYPE, "text/html"]) === "text/html";
}

/** An asset with everything about it that is computed once, when it is first asked for. */
export class ServedAsset {
  readonly #asset: Asset;
  readonly #policy: string;
  #forms: Promise<AssetForms> | undefined;

  /** @param policy its `Content-Security-Policy` */
  constructor(asset: Asset, policy: string = CONTENT_SECURITY_POLICY) {
    this.#asset = asset;
    this.#policy = policy;
  }

  async answer(context: Context): Promise<Response> {
    this.#forms ??= formsOf(this.#asset.text);
    const { plain, compressed, tag } = await this.#forms;
    const isCompressed = acceptsGzip(context.req.header("accept-encoding"));
    // The two forms are different bytes, and a tag is a promise about bytes.
    const etag = isCompressed ? `"${tag}-gzip"` : `"${tag}"`;
    const headers: Record<string, string> = {
      "Content-Type": this.#asset.contentType,
      "Content-Security-Policy": this.#policy,
      // Asked for again at every visit, and sent again only when it has changed.
      "Cache-Control": "no-cache",
      "Vary": "Accept-Encoding",
      "ETag": etag,
    };
    if (matches(context.req.header("if-none-match"), etag)) {
      return new Response(null, { status: 304, headers });
    }
    if (isCompressed) headers["Content-Encoding"] = "gzip";
    const body = isCompressed ? compressed : plain;
    headers["Content-Length"] = String(body.byteLength);
    return new Response(body, { headers });
  }
}

/**
 * Everything comes from here, and nothing is inline. Should a log line ever become markup, it could
 * neither run nor call anybody. (Charts are placed by their script, which needs no inline styles.)
 */
const CONTENT_SECURITY_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; " +
  "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'";

interface AssetForms {
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly compressed: ArrayBuffer;
  readonly tag: string;
}

async function formsOf(text: string): Promise<AssetForms> {
  const plain = new TextEncoder().encode(text);
  const compressing = new Blob([plain]).stream().pipeThrough(new CompressionStream("gzip"));
  const [compressed, digest] = await Promise.all([
    new Response(compressing).arrayBuffer(),
    sha256(plain),
  ]);
  return { plain, compressed, tag: digest.slice(0, 32) };
}

function acceptsGzip(header: string | undefined): boolean {
  return /(?:^|[,\s])gzip(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(header ?? "");
}

/** Weak comparison, as `If-None-Match` asks for: proxies mark what they recompress as weak. */
function matches(header: string | undefined, etag: string): boolean {
  const tags = (header ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes("*") || tags.includes(etag);
}
