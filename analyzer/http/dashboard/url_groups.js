/** What one request can name of URLs, in bytes: servers and proxies take 8 KiB of address. */
const URL_BYTES_MAX = 6500;

/**
 * URLs in groups that one request each can name.
 *
 * @param {readonly string[]} urls
 * @returns {string[][]}
 */
export function inRequests(urls) {
  const groups = /** @type {string[][]} */ ([]);
  let bytes = Infinity;
  for (const url of urls) {
    const { length } = new URLSearchParams({ url }).toString();
    bytes += length + 1;
    if (bytes > URL_BYTES_MAX) {
      groups.push([]);
      bytes = length;
    }
    groups.at(-1)?.push(url);
  }
  return groups;
}
