import { toSafeJson } from "../../command_line/escape_text.ts";
import { ALL_ROUTES } from "./api/all_routes.ts";
import { DOCS_ROUTE, OPENAPI_ROUTE } from "./api/program_routes.ts";
import type { AppDeps } from "./app_deps.ts";
import { ServedAsset } from "./dashboard_routes.ts";
import { docsPage } from "./docs_page.ts";
import { STRICTEST_POLICY } from "./headers.ts";
import { JSON_TYPE } from "./json_answer.ts";
import { type OpenApiDocument, openApiDocument } from "./openapi_document.ts";
import { type Route, route } from "./route.ts";

/** What describes all routes: `/openapi.json` for programs, `/docs` for people. */
export function documentsRoutes({ version }: AppDeps): Route[] {
  let document: OpenApiDocument | undefined;
  const describe = () => document ??= openApiDocument(ALL_ROUTES, version);
  const json = new ServedAsset({
    contentType: JSON_TYPE,
    get text() {
      return toSafeJson(describe());
    },
  }, STRICTEST_POLICY);
  const page = new ServedAsset({
    contentType: "text/html; charset=utf-8",
    get text() {
      return docsPage(describe());
    },
  }, STYLES_ONLY);
  return [
    route(OPENAPI_ROUTE, (context) => json.answer(context)),
    route(DOCS_ROUTE, (context) => page.answer(context)),
  ];
}

/** The page has no script, and whatever became markup in it could not run. */
const STYLES_ONLY = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'";
