import { html } from "hono/html";
import { JSON_TYPE } from "./json_answer.ts";
import type {
  Answer,
  JsonSchema,
  MediaType,
  OpenApiDocument,
  Operation,
  Parameter,
} from "./openapi_document.ts";

/**
 * The document as a page: HTML that needs no script and nothing but the style sheets beside it.
 * Everything in it goes through `html`, which escapes it.
 */
export function docsPage(document: OpenApiDocument): string {
  const { info, tags, components } = document;
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...operation,
      title: `${method.toUpperCase()} ${path}`,
    }))
  );
  const groups = tags.map((tag) => ({
    ...tag,
    operations: operations.filter(({ tags: [name] }) => name === tag.name),
  }));
  const schemas = Object.entries(components.schemas);
  const page = html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>vigie: HTTP interface</title>
        <link rel="icon" href="data:,">
        <link rel="stylesheet" href="assets/styles.css">
        <link rel="stylesheet" href="assets/docs.css">
      </head>
      <body class="docs">
        <a class="skip" href="#about">To the text</a>
        <header class="top-bar">
          <a class="brand" href="./">vigie</a>
          <span class="quiet">HTTP interface, version ${info.version}</span>
          <a class="docs-json" href="openapi.json">openapi.json</a>
        </header>
        <main>
          <nav aria-label="Contents">
            ${groups.map(({ name, operations }) =>
              html`
                <h2>${name}</h2>
                <ul>
                  ${operations.map(({ operationId, title }) =>
                    html`<li><a href="#${operationId}">${title}</a></li>`
                  )}
                </ul>
              `
            )}
            <h2>Shapes</h2>
            <ul>
              ${schemas.map(([name]) => html`<li><a href="#schema-${name}">${name}</a></li>`)}
            </ul>
          </nav>
          <div class="docs-text">
            <section id="about">
              <h1>The HTTP interface of vigie</h1>
              ${prose(info.description)}
            </section>
            ${groups.map(({ name, description, operations }) =>
              html`
                <section aria-label="${name}">
                  <h2>${name}</h2>
                  <p class="quiet">${description}</p>
                  ${operations.map(operationArticle)}
                </section>
              `
            )}
            <section aria-label="Shapes">
              <h2>Shapes</h2>
              <p class="quiet">What is answered as JSON. No object has keys that are not listed.</p>
              ${schemas.map(([name, schema]) =>
                html`
                  <article class="panel" id="schema-${name}">
                    <h3>${name}</h3>
                    ${fieldsTable(name, schema)}
                  </article>
                `
              )}
            </section>
          </div>
        </main>
      </body>
    </html>
  `;
  return String(page).trimStart();
}

/** HTML, as {@linkcode html} makes it. */
type Html = ReturnType<typeof html>;

function operationArticle(operation: Operation & { readonly title: string }): Html {
  const { operationId, title, summary, description, parameters, requestBody, responses } =
    operation;
  const example = Object.values(responses["200"]?.content ?? {})[0]?.example;
  return html`
    <article class="panel" id="${operationId}">
      <h3><a href="#${operationId}">${title}</a></h3>
      <p>${summary}.</p>
      ${description === undefined ? "" : prose(description)}
      ${parameters.length === 0 ? "" : table(
        `Parameters of ${title}`,
        ["parameter", "allowed", "default", "meaning"],
        parameters.map(parameterRow),
      )}
      ${requestBody === undefined ? "" : table(
        `Body of ${title}`,
        ["body", "meaning"],
        [[code(Object.keys(requestBody.content).join(" ")), inline(requestBody.description)]],
      )}
      ${table(
        `Answers of ${title}`,
        ["status", "body", "meaning"],
        Object.entries(responses).map(([status, answer]) => answerRow(status, answer)),
      )}
      ${(operation["x-codeSamples"] ?? []).map(({ source }) => block(source))}
      ${example === undefined ? "" : block(JSON.stringify(example, undefined, 2))}
    </article>
  `;
}

function parameterRow({ name, in: place, description, required, schema }: Parameter): Html[] {
  const isList = schema.type === "array";
  return [
    html`${code(name)}${
      place === "query" ? "" : html`
        <small>${place}</small>
      `
    }`,
    html`${shapeOf(isList ? schema.items! : schema)}${
      isList ? `, ${bounds(schema.minItems, schema.maxItems)} times` : ""
    }${exampleOf(schema)}`,
    schema.default === undefined
      ? html`${required ? "required" : ""}`
      : code(String(schema.default)),
    inline(description),
  ];
}

function exampleOf({ examples = [] }: JsonSchema): Html | "" {
  const shown = examples.map((example) => code(String(example)));
  return shown.length === 0 ? "" : html`, such as ${separated(shown, " or ")}`;
}

function answerRow(status: string, { description, headers = {}, content = {} }: Answer): Html[] {
  return [
    html`${status}`,
    html`${
      separated(
        Object.entries(content).map(([type, { schema }]) =>
          type === JSON_TYPE ? shapeOf(schema) : code(type)
        ),
        ", ",
      )
    }`,
    html`${prose(description)}${
      textsOf(content).map(([type, text]) => html`<p>${code(type)}: ${inline(text)}</p>`)
    }${
      Object.entries(headers).map(([name, { description }]) =>
        html`<p>${code(name)}: ${inline(description)}</p>`
      )
    }`,
  ];
}

function textsOf(content: Readonly<Record<string, MediaType>>): [type: string, text: string][] {
  return Object.entries(content).flatMap(([type, { schema: { description } }]) =>
    description === undefined ? [] : [[type, description]]
  );
}

function fieldsTable(name: string, schema: JsonSchema): Html {
  return table(`Keys of ${name}`, ["key", "value", "meaning"], fieldRows(schema, ""));
}

/** A row a key; keys of objects that have no name of their own follow that of the object. */
function fieldRows({ properties = {}, required = [] }: JsonSchema, prefix: string): Html[][] {
  return Object.entries(properties).flatMap(([key, schema]) => {
    const path = prefix + key;
    const { value, isNullable } = withoutNull(schema);
    const inner = value.items ?? value;
    const row = [
      html`${code(path)}${
        required.includes(key) ? "" : html`
          <small>optional</small>
        `
      }`,
      html`${shapeOf(value)}${isNullable ? " or null" : ""}`,
      inline(schema.description ?? value.description ?? ""),
    ];
    return [row, ...fieldRows(inner, `${path}${value.items === undefined ? "" : "[]"}.`)];
  });
}

function withoutNull(schema: JsonSchema): { value: JsonSchema; isNullable: boolean } {
  const [value, other] = schema.anyOf ?? [schema];
  const isNullable = other?.type === "null";
  return isNullable ? { value: value!, isNullable } : { value: schema, isNullable };
}

/** What a value may be, in a few words. */
function shapeOf(schema: JsonSchema): Html {
  const { $ref, anyOf, type, items, minimum, maximum, format, maxLength } = schema;
  if ($ref !== undefined) {
    const name = $ref.split("/").at(-1)!;
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  if (anyOf !== undefined) return html`${separated(anyOf.map(shapeOf), " or ")}`;
  if (schema.enum !== undefined) {
    return html`${separated(schema.enum.map((value) => code(String(value))), ", ")}`;
  }
  if (schema.const !== undefined) return code(String(schema.const));
  switch (type) {
    case "array":
      return html`list of ${shapeOf(items!)}`;
    case "integer":
    case "number": {
      const range = minimum === undefined ? "" : ` from ${bounds(minimum, maximum)}`;
      return html`${type === "integer" ? "whole number" : "number"}${range}`;
    }
    case "string":
      if (format === "date-time") return html`time`;
      return html`text${maxLength === undefined ? "" : ` of at most ${maxLength} characters`}`;
    case "boolean":
      return html`true or false`;
    case "object":
      return html`object`;
    default:
      return html`anything`;
  }
}

function bounds(min: number | undefined, max: number | undefined): string {
  return max === undefined ? `${min ?? 0}` : `${min ?? 0} to ${max}`;
}

/**
 * A table. On a phone its cells stand one below the other; the roles keep it a table even so. It can
 * be scrolled sideways, by keyboard too, where it is wider than the screen.
 */
function table(
  label: string,
  heads: readonly string[],
  rows: readonly (readonly Html[])[],
): Html {
  return html`
    <div class="docs-table" role="region" aria-label="${label}" tabindex="0">
      <table role="table">
        <thead role="rowgroup">
          <tr role="row">${heads.map((head) => html`<th role="columnheader">${head}</th>`)}</tr>
        </thead>
        <tbody role="rowgroup">${rows.map(([first, ...rest]) =>
          html`
            <tr role="row"><th role="rowheader">${first}</th>${rest.map((cell) =>
              html`<td role="cell">${cell}</td>`
            )}</tr>
          `
        )}
                  </tbody>
      </table>
    </div>
  `;
}

function block(text: string): Html {
  return html`<pre tabindex="0">${text}</pre>`;
}

function code(text: string): Html {
  return html`<code>${text}</code>`;
}

/** Paragraphs, between which the text has empty lines. */
function prose(text: string): Html[] {
  return text.split("\n\n").map((paragraph) => html`<p>${inline(paragraph)}</p>`);
}

/** Text in which backticks stand around what is code. */
function inline(text: string): Html {
  return html`${text.split("`").map((part, i) => i % 2 === 0 ? part : code(part))}`;
}

function separated(parts: readonly Html[], separator: string): (Html | string)[] {
  return parts.flatMap((part, i) => i === 0 ? [part] : [separator, part]);
}
