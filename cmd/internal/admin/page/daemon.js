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

// NoAnswer is an error of a request that the daemon has not answered.
export class NoAnswer extends Error {}

// told says in words what went wrong with a request.
export function told(error) {
  if (error instanceof Refused) {
    return `The daemon says: ${error.message}`;
  }
  return error instanceof NoAnswer ? "The daemon does not answer." : `This page has failed: ${error.message}`;
}

// send sends a request and returns the response. An error is Refused or NoAnswer.
export async function send(path, { method = "GET", patience = 10_000 } = {}) {
  const headers = token.get() === null ? {} : { Authorization: `Bearer ${encodeURI(token.get())}` };
  const signal = AbortSignal.timeout(patience);
  let reply;
  try {
    reply = await fetch(path, { method, headers, signal, cache: "no-store", credentials: "omit", redirect: "error" });
  } catch (error) {
    throw new NoAnswer(error.message);
  }
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
  const reply = await send(`api/v1/${path}`, options);
  try {
    return await reply.json();
  } catch (error) {
    throw new NoAnswer(error.message); // cut off
  }
}
