// Requests to the daemon.
const kept = "keeptrack-token";

export const token = {
  required: document.documentElement.dataset.token === "required",
  get: () => sessionStorage.getItem(kept),
  set: (text) => sessionStorage.setItem(kept, text),
  forget: () => sessionStorage.removeItem(kept),
};

// Refused is an error that the daemon has answered with.
export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

// send sends a request and returns the response. An error that is not Refused means that
// there was no answer.
export async function send(path, { method = "GET", patience = 10_000 } = {}) {
  const headers = token.get() === null ? {} : { Authorization: `Bearer ${encodeURI(token.get())}` };
  const signal = AbortSignal.timeout(patience);
  const reply = await fetch(path, { method, headers, signal, cache: "no-store", credentials: "omit", redirect: "error" });
  if (!reply.ok) {
    throw new Refused(reply.status, await reason(reply));
  }
  return reply;
}

// reason returns what a reply that is an error says.
async function reason(reply) {
  const text = (await reply.text()).trim();
  try {
    return JSON.parse(text).error ?? text;
  } catch {
    return text === "" ? `status ${reply.status}` : text;
  }
}

// api returns what a path of the JSON interface answers.
export async function api(path, options) {
  return (await send(`api/v1/${path}`, options)).json();
}
