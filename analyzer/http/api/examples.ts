/*
 * What the examples of the document answer. All of them are answers of one run, which a test makes:
 * it holds them to what the program really says.
 */

const COUNTS = {
  unique_ips_exact: true,
  late_count: 0,
  late_error_count: 0,
};

/** The newest closed window, with one URL a status. */
export const CLOSED_WINDOW = {
  start: "2025-05-30T18:52:30.000Z",
  end: "2025-05-30T18:53:00.000Z",
  state: "closed",
  length_ms: 30_000,
  total_count: 1000,
  error_count: 50,
  error_rate: 0.05,
  unique_ips: 14,
  ...COUNTS,
  statuses: [
    {
      status: 404,
      error_count: 45,
      unique_ips: 12,
      unique_ips_exact: true,
      urls: [{ url: "/resource/42", count: 30 }],
      urls_total: 3,
      urls_total_exact: true,
    },
    {
      status: 500,
      error_count: 5,
      unique_ips: 3,
      unique_ips_exact: true,
      urls: [{ url: "/resource/7", count: 5 }],
      urls_total: 1,
      urls_total_exact: true,
    },
  ],
};

/** The one open window. */
export const OPEN_WINDOW = {
  start: "2025-05-30T18:53:00.000Z",
  end: "2025-05-30T18:53:30.000Z",
  state: "open",
  length_ms: 30_000,
  total_count: 40,
  error_count: 2,
  error_rate: 0.05,
  unique_ips: 2,
  ...COUNTS,
  statuses: [{
    status: 404,
    error_count: 2,
    unique_ips: 2,
    unique_ips_exact: true,
    urls: [{ url: "/resource/42", count: 2 }],
    urls_total: 1,
    urls_total_exact: true,
  }],
};

/** The one source. */
const SOURCE = {
  name: "tcp://127.0.0.1:9999",
  phase: "connected",
  connections: 1,
  connections_total: 1,
  reason: "",
  last_row_at: "2025-05-30T18:53:01.000Z",
};

/** `/summary`, of two windows. */
export const SUMMARY_EXAMPLE = {
  from: "2025-05-30T18:52:00.000Z",
  to: "2025-05-30T18:53:00.000Z",
  windows: 2,
  total_count: 1998,
  error_count: 93,
  error_rate: 0.046546546546546545,
  unique_ips: 14,
  unique_ips_exact: true,
  late_count: 2,
  late_error_count: 1,
  statuses: [
    {
      status: 404,
      error_count: 88,
      unique_ips: 12,
      unique_ips_exact: true,
      urls: [{ url: "/resource/42", count: 42 }],
      urls_total: 3,
      urls_total_exact: true,
    },
    CLOSED_WINDOW.statuses[1],
  ],
  urls: [{
    url: "/resource/42",
    count: 42,
    share: 0.45161290322580644,
    statuses: [{ status: 404, count: 42 }],
    first_seen: "2025-05-30T18:52:00.000Z",
    last_seen: "2025-05-30T18:53:00.000Z",
    trend: [12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  }],
};

/** `/summary/clients`. */
export const CLIENTS_EXAMPLE = {
  clients: ["/resource/42", "/resource/7"].map((url) => ({
    url,
    unique_ips: 1,
    unique_ips_exact: true,
    complete: true,
  })),
};

/** `/errors`, the newest one on a URL. */
export const ERRORS_EXAMPLE = {
  errors: [{
    time: "2025-05-30T18:53:00.800Z",
    window_start: "2025-05-30T18:53:00.000Z",
    status: 404,
    method: "GET",
    url: "/resource/42",
    ip: "192.0.2.77",
    record: {
      timestamp: "2025-05-30T18:53:00.800Z",
      ip: "192.0.2.77",
      method: "GET",
      url: "/resource/42",
      status: 404,
    },
  }],
  next_cursor: "before.1.93",
  complete: true,
};

/** `POST /logs`, of one line. */
export const DELIVERY_EXAMPLE = {
  durable: true,
  repeated: false,
  totals: {
    bytes: 102,
    lines: 1,
    valid: 1,
    malformed: {
      invalid_utf8: 0,
      nul_byte: 0,
      not_json: 0,
      csv_syntax: 0,
      csv_field_count: 0,
      missing_field: 0,
      wrong_type: 0,
      bad_timestamp: 0,
      bad_ip: 0,
      bad_status: 0,
    },
    oversized: 0,
    empty: 0,
    header: 0,
    partial: 0,
    in_windows: 1,
    late: 0,
    future: 0,
    errors: 1,
    errors_in_windows: 1,
    late_errors: 0,
    future_errors: 0,
    errors_by_status: { "404": 1 },
  },
};

/** `/healthz`. */
export const HEALTH_EXAMPLE = {
  status: "ok",
  state: "running",
  writer_idle_ms: 20,
  input_waiting: false,
  version: "0.1.0",
  started_at: "2025-05-30T18:52:02.000Z",
  uptime_ms: 60_000,
};

/** `/readyz`. */
export const READINESS_EXAMPLE = {
  ready: true,
  state: "running",
  writer_fault: "",
  sources: [SOURCE],
};
