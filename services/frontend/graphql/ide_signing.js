// Signs what GraphiQL posts here: `t=<ms>, v<version>=<HMAC-SHA256 of "<ms>." and the RFC 8785 form of the body>`.
(() => {
  const plainFetch = window.fetch;
  const ask = (name, text) => {
    const known = sessionStorage.getItem(name) ?? window.prompt(text) ?? "";
    sessionStorage.setItem(name, known);
    return known;
  };
  const sorted = (value) =>
    value === null || typeof value !== "object"
      ? value
      : Array.isArray(value)
        ? value.map(sorted)
        : Object.fromEntries(
            Object.keys(value)
              .sort()
              .map((key) => [key, sorted(value[key])]),
          );
  const sign = async (secret, message) => {
    const encoder = new TextEncoder();
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign"]);
    const digest = await crypto.subtle.sign("HMAC", key, encoder.encode(message));
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  };
  window.fetch = async (url, options = {}) => {
    if (options.method !== "POST" || new URL(url, location).pathname !== location.pathname) {
      return plainFetch(url, options);
    }
    const tenant = ask("tenant", "Tenant id");
    const secret = ask("secret", "API secret; it stays in this tab");
    const now = Date.now();
    const body = JSON.stringify(sorted(JSON.parse(options.body)));
    const signature = `t=${now}, vSIGNATURE_VERSION=${await sign(secret, `${now}.${body}`)}`;
    const response = await plainFetch(url, {
      ...options,
      body,
      headers: { ...options.headers, "tenant-id": tenant, signature },
    });
    if (response.status === 401) sessionStorage.clear();
    return response;
  };
})();
