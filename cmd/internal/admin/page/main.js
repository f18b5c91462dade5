// Asks the daemon again and again and shows what it says.
import { $, ago, span } from "./dom.js";
import { api, NoAnswer, Refused, send, token, told } from "./daemon.js";
import * as board from "./board.js";
import * as lookup from "./lookup.js";

const pause = 5_000; // between two rounds; the daemon takes samples as often
const topPause = 60_000; // the daemon goes through all torrents for these

let answered = null; // when the daemon last answered
let topAsked = 0; // when the top torrents were last asked for
let topAs = 0; // as of when they are shown
let timer = 0;

// state shows in a word or two how the daemon is.
function state(good, text) {
  $("state").className = `pill ${good ? "good" : "bad"}`;
  setText($("state"), text);
}

// trouble shows what is wrong; empty hides it.
function trouble(text) {
  $("trouble").hidden = text === "";
  setText($("trouble"), text);
}

// setText sets a text that screen readers read out each time that it is set.
function setText(e, text) {
  if (e.textContent !== text) {
    e.textContent = text;
  }
}

// readiness shows what /readyz says, which needs no token.
async function readiness() {
  try {
    const [, ...impaired] = (await (await send("readyz")).text()).trim().split("\n");
    state(impaired.length === 0, ["ready", ...impaired].join("; "));
  } catch (error) {
    if (!(error instanceof Refused)) {
      throw error;
    }
    state(false, `not ready: ${error.message}`);
  }
}

async function numbers() {
  const stats = await api("stats"); // first, so that a wrong token is counted once
  const [history, cluster] = await Promise.all([api("history"), api("cluster")]);
  $("about").textContent = `${stats.version}, running for ${span(stats.uptime_seconds)}`;
  board.tiles(stats, history);
  board.requests(history);
  board.reasons(history);
  board.disk(stats);
  board.cluster(cluster);
  signedIn(true);
}

// signedIn shows the numbers or, without the right token, the question for one.
function signedIn(is) {
  $("board").hidden = !is;
  $("sign-in").hidden = is;
  $("forget-token").hidden = !is || !token.required;
}

async function topTorrents(by) {
  topAsked = Date.now();
  const asked = topAsked;
  const reply = await api(`top?limit=10&by=${encodeURIComponent(by)}`, { patience: 60_000 });
  if (by === $("top-by").value) {
    board.top(reply.torrents, lookUp);
    topAs = asked;
    topAge();
  }
}

function topAge() {
  if (topAs > 0) {
    $("top-age").replaceChildren("as of ", ago(new Date(topAs).toISOString()));
  }
}

async function senders() {
  const [networks, clients] = await Promise.all(["networks", "clients"].map(async (path) => {
    try {
      return await api(`${path}?limit=10`);
    } catch (error) {
      if (error instanceof Refused && error.status !== 401) {
        return { refused: error.message }; // without a token, or not counted
      }
      throw error;
    }
  }));
  board.senders(networks, clients);
}

async function lookUp(hash) {
  await lookup.lookUp(hash);
  $("look-up").scrollIntoView({ block: "nearest" });
  $("hash").focus();
}

// round asks for everything once.
async function round() {
  await readiness();
  answered = Date.now();
  if (token.required && token.get() === null) {
    signedIn(false);
    trouble("");
    return;
  }
  await numbers();
  topAge();
  if (Date.now() - topAsked >= topPause) {
    await topTorrents($("top-by").value);
    await senders();
  }
  trouble("");
}

// failed shows why a round could not be finished.
function failed(error) {
  if (error instanceof Refused && error.status === 401) {
    $("sign-in-says").textContent = token.get() === null ? "" : "That is not the token.";
    token.forget();
    token.required = true;
    signedIn(false);
    trouble("");
  } else if (!(error instanceof NoAnswer)) {
    trouble(told(error));
  } else {
    state(false, "no answer");
    const since = answered === null ? "" : ` What is shown is as of ${span((Date.now() - answered) / 1000)} ago.`;
    trouble(`The daemon does not answer: it has stopped, or cannot be reached. This page goes on asking.${since}`);
    topAsked = 0;
  }
}

let asking = false; // a round is under way
let again = false; // another is to follow at once

// go begins a round now and then goes on, as long as the page is seen.
async function go() {
  clearTimeout(timer);
  if (asking || document.hidden) {
    again = asking;
    return;
  }
  asking = true;
  try {
    await round();
  } catch (error) {
    failed(error);
  }
  asking = false;
  timer = setTimeout(go, again ? 0 : pause);
  again = false;
}

// act does what was asked for once, and shows what went wrong.
async function act(what) {
  try {
    await what();
  } catch (error) {
    failed(error);
  }
}

// save downloads what a link leads to, which a browser would ask for without the token.
async function save(link) {
  $("links-say").className = "";
  $("links-say").textContent = `Getting ${link.textContent}…`;
  try {
    const blob = await (await send(link.getAttribute("href"), { patience: 60_000 })).blob();
    const url = URL.createObjectURL(blob);
    const a = document.createElement("a");
    a.href = url;
    a.download = link.dataset.save;
    a.click();
    URL.revokeObjectURL(url);
    $("links-say").textContent = `Saved as ${link.dataset.save}.`;
  } catch (error) {
    $("links-say").className = "bad";
    $("links-say").textContent = told(error);
  }
}

lookup.start();
$("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  token.set($("token").value.trim());
  $("token").value = "";
  $("sign-in-says").textContent = "";
  go();
});
$("forget-token").addEventListener("click", () => {
  token.forget();
  location.reload();
});
$("top-by").addEventListener("change", () => act(() => topTorrents($("top-by").value)));
$("top-again").addEventListener("click", () => act(() => topTorrents($("top-by").value)));
$("links").addEventListener("click", (event) => {
  if (token.get() !== null && event.target instanceof HTMLAnchorElement) {
    event.preventDefault();
    save(event.target);
  }
});
document.addEventListener("visibilitychange", go);
go();
