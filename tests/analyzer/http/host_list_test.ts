import assert from "node:assert/strict";
import { HostList, parseHostName } from "../../../analyzer/http/host_list.ts";

function allows(list: HostList, host: string): boolean {
  return list.allows(`http://${host}/metrics`, host);
}

// S-79
Deno.test("HostList takes the names of this machine, however they are spelled, and any port", () => {
  const list = new HostList({ hostname: "127.0.0.1" }, []);
  for (
    const host of [
      ...["localhost", "localhost:8000", "LocalHost:1", "localhost.", "localhost.:65535"],
      ...["127.0.0.1", "127.0.0.1:8000", "127.1", "2130706433", "0x7f.1"],
      ...["[::1]", "[::1]:8000", "[0:0::0:1]"],
    ]
  ) assert.ok(allows(list, host), host);
});

// S-79
Deno.test("HostList takes no other name, and nothing that only looks like one of them", () => {
  const list = new HostList({ hostname: "127.0.0.1" }, []);
  for (
    const host of [
      ...["evil.example", "evil.example:8000", "localhost.evil.example", "evillocalhost"],
      ...["localhost@evil.example", "evil.example@localhost", "a:b@localhost", "@localhost"],
      ...["localhost/x", "localhost?", "localhost#", "localhost\\x", "localhost,localhost"],
      ...["localhost:", "localhost:80:80", "localhost:99999", "localhost:8e3", "localhost:-1"],
      ...[
        "localhost..",
        ".localhost",
        " localhost",
        "local host",
        "lo\u200bcalhost",
        "%6cocalhost",
      ],
      ...["127.0.0.2", "0.0.0.0", "192.168.1.5", "256.0.0.1", "127.0.0.1.evil.example"],
      ...["[::]", "[::2]", "[::1", "::1", "[::1%25lo]", "[::ffff:127.0.0.1]", "[zz]", "[]", ""],
    ]
  ) assert.ok(!allows(list, host), host);
});

// S-79
Deno.test("HostList looks at the address of a request and at its header, where it has both", () => {
  const list = new HostList({ hostname: "127.0.0.1" }, []);
  assert.ok(list.allows("http://localhost/", null), "no browser sends this");
  assert.ok(list.allows("https://localhost:8000?x", "localhost"));
  assert.ok(list.allows("HTTP://LOCALHOST", "localhost"));
  assert.ok(!list.allows("http://evil.example/", "localhost"));
  assert.ok(!list.allows("http://localhost/", "evil.example"));
  assert.ok(!list.allows("http://evil.example/", null));
  assert.ok(!list.allows("http://localhost/", ""));
  assert.ok(!list.allows("/metrics", "localhost"));
  assert.ok(!list.allows("", "localhost"));
});

// S-79
Deno.test("HostList takes the address that is bound, and names that were added", () => {
  const bound = new HostList({ hostname: "192.168.1.5" }, [parseHostName("Logs.Example.com.")]);
  for (
    const host of ["192.168.1.5:8000", "localhost", "logs.example.com", "LOGS.example.com.:80"]
  ) {
    assert.ok(allows(bound, host), host);
  }
  for (const host of ["192.168.1.6", "example.com", "a.logs.example.com"]) {
    assert.ok(!allows(bound, host), host);
  }
  assert.ok(allows(new HostList({ hostname: "my-host" }, []), "my-host:8000"));
  assert.ok(allows(new HostList({ hostname: "0:0::1:2" }, []), "[::1:2]:8000"));
});

// S-79
Deno.test("HostList takes any address where all are bound, and still no name", () => {
  for (const hostname of ["0.0.0.0", "::", "0::0"]) {
    const list = new HostList({ hostname }, []);
    for (const host of ["10.0.0.7", "192.168.1.5:8000", "[fe80::1]", "[2001:db8::7]:80", "7"]) {
      assert.ok(allows(list, host), host);
    }
    for (const host of ["evil.example", "10.0.0.7.evil.example", "a10", "10.0.0.7@evil.example"]) {
      assert.ok(!allows(list, host), host);
    }
  }
});

Deno.test("parseHostName() takes names and addresses in one spelling, and no ports", () => {
  assert.equal(parseHostName("Logs.Example.com"), "logs.example.com");
  assert.equal(parseHostName("my_host"), "my_host");
  assert.equal(parseHostName("[2001:DB8::0]"), "[2001:db8::]");
  for (const text of ["", "a:80", "[::1]:80", "a/b", "http://a", "*", "a b", "ü.example", "a:"]) {
    assert.throws(() => parseHostName(text), {
      name: "RangeError",
      message: /is not a host: write a name such as logs\.example\.com, without a port$/,
    });
  }
});
