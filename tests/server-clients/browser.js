// What a browser does of itself: cookies by host and path, redirects, the forms of oidc-provider's own pages.
export class Browser {
  #jar = new Map(); // "host path name" -> value

  #cookies(url) {
    return [...this.#jar].filter(([key]) => {
      const [host, path] = key.split(" ");
      return host === url.host && url.pathname.startsWith(path);
    }).map(([key, value]) => `${key.split(" ")[2]}=${value}`).join("; ");
  }

  #keep(url, reply) {
    for (const line of reply.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(/; */);
      const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
      const path = attributes.find((a) => /^path=/i.test(a))?.slice(5) ?? "/";
      const gone = attributes.some((a) => /^max-age=0/i.test(a) || (/^expires=/i.test(a) && new Date(a.slice(8)) < new Date()));
      const key = `${url.host} ${path} ${name}`;
      if (gone) this.#jar.delete(key);
      else this.#jar.set(key, value);
    }
  }

  has(name) {
    return [...this.#jar.keys()].some((key) => key.endsWith(` ${name}`));
  }

  async request(address, options = {}) {
    const url = new URL(address);
    const reply = await fetch(url, { redirect: "manual", ...options, headers: { ...options.headers, Cookie: this.#cookies(url) } });
    this.#keep(url, reply);
    return reply;
  }

  // Follows redirects until `stop(url)` or a page; where it came to.
  async follow(address, stop = () => false, options = {}) {
    let url = new URL(address), reply;
    for (let i = 0; i < 20; ++i) {
      if (stop(url)) return { url, reply: null };
      reply = await this.request(url, i === 0 ? options : {});
      if (reply.status < 300 || reply.status >= 400) return { url, reply };
      url = new URL(reply.headers.get("location"), url);
    }
    throw new Error("redirects without an end");
  }
}
