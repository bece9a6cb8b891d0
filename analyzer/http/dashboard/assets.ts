import preact from "htm/preact/standalone" with { type: "text" };
import uplot from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import uplotCss from "uplot/dist/uPlot.min.css" with { type: "text" };
import addressJs from "./address.js" with { type: "text" };
import apiJs from "./api.js" with { type: "text" };
import appJs from "./app.js" with { type: "text" };
import chartJs from "./chart.js" with { type: "text" };
import chartTableJs from "./chart_table.js" with { type: "text" };
import chartsJs from "./charts.js" with { type: "text" };
import dashboardJs from "./dashboard.js" with { type: "text" };
import docsCss from "./docs.css" with { type: "text" };
import elementsJs from "./elements.js" with { type: "text" };
import errorListJs from "./error_list.js" with { type: "text" };
import eventParserJs from "./event_parser.js" with { type: "text" };
import eventStreamJs from "./event_stream.js" with { type: "text" };
import formatJs from "./format.js" with { type: "text" };
import mainJs from "./main.js" with { type: "text" };
import panelsCss from "./panels.css" with { type: "text" };
import rangesJs from "./ranges.js" with { type: "text" };
import refresherJs from "./refresher.js" with { type: "text" };
import seriesJs from "./series.js" with { type: "text" };
import sourcesViewJs from "./sources_view.js" with { type: "text" };
import sparklineJs from "./sparkline.js" with { type: "text" };
import statusColorsJs from "./status_colors.js" with { type: "text" };
import stylesCss from "./styles.css" with { type: "text" };
import textJs from "./text.js" with { type: "text" };
import themeJs from "./theme.js" with { type: "text" };
import tokenFormJs from "./token_form.js" with { type: "text" };
import topBarJs from "./top_bar.js" with { type: "text" };
import urlGroupsJs from "./url_groups.js" with { type: "text" };
import urlTableJs from "./url_table.js" with { type: "text" };
import verdictJs from "./verdict.js" with { type: "text" };
import verdictViewJs from "./verdict_view.js" with { type: "text" };
import windowStoreJs from "./window_store.js" with { type: "text" };
import page from "./page.html" with { type: "text" };

/** Something that a browser loads with the page, or the page itself. */
export interface Asset {
  readonly contentType: string;
  readonly text: string;
}

/**
 * Everything below `/assets/`, by name. It lies in memory with the program, so that nothing is read
 * from a disk or a network when it is asked for.
 */
export const ASSETS: ReadonlyMap<string, Asset> = new Map([
  ...styles({
    "uplot.css": uplotCss,
    "panels.css": panelsCss,
    "styles.css": stylesCss,
    "docs.css": docsCss,
  }),
  ...scripts({
    // One module that holds preact, its hooks and htm, and imports nothing.
    "preact.js": preact,
    // The package's one small build is a classic script; a line more makes a module of it.
    "uplot.js": `${uplot}\nexport default uPlot;\n`,
    "address.js": addressJs,
    "api.js": apiJs,
    "app.js": appJs,
    "chart.js": chartJs,
    "chart_table.js": chartTableJs,
    "charts.js": chartsJs,
    "dashboard.js": dashboardJs,
    "elements.js": elementsJs,
    "error_list.js": errorListJs,
    "event_parser.js": eventParserJs,
    "event_stream.js": eventStreamJs,
    "format.js": formatJs,
    "main.js": mainJs,
    "ranges.js": rangesJs,
    "refresher.js": refresherJs,
    "series.js": seriesJs,
    "sources_view.js": sourcesViewJs,
    "sparkline.js": sparklineJs,
    "status_colors.js": statusColorsJs,
    "text.js": textJs,
    "theme.js": themeJs,
    "token_form.js": tokenFormJs,
    "top_bar.js": topBarJs,
    "url_groups.js": urlGroupsJs,
    "url_table.js": urlTableJs,
    "verdict.js": verdictJs,
    "verdict_view.js": verdictViewJs,
    "window_store.js": windowStoreJs,
  }),
]);

/** The page, which tells the browser to load all modules at once and not one after the other. */
export const PAGE: Asset = {
  contentType: "text/html; charset=utf-8",
  text: page.replace(
    "<!-- modules -->",
    [...ASSETS.keys()].filter((name) => name.endsWith(".js"))
      .map((name) => `<link rel="modulepreload" href="assets/${name}">`).join("\n    "),
  ),
};

function styles(texts: Readonly<Record<string, string>>): [string, Asset][] {
  return withType(texts, "text/css; charset=utf-8");
}

function scripts(texts: Readonly<Record<string, string>>): [string, Asset][] {
  return withType(texts, "text/javascript; charset=utf-8");
}

function withType(texts: Readonly<Record<string, string>>, contentType: string): [string, Asset][] {
  return Object.entries(texts).map(([name, text]) => [name, { contentType, text }]);
}
