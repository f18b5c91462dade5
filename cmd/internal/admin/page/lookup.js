// A torrent: what there is to tell of it, and having it refused or served.
import { $, ago, el, facts, number } from "./dom.js";
import { api, Refused, told } from "./daemon.js";

const open = 'access.mode is "open", in which every torrent is served. To block single torrents, set it to "deny", which needs no file, and reload.';

let shown = null; // the info hash that is looked up

// lookUp shows a torrent.
export async function lookUp(hash) {
  shown = hash.toLowerCase();
  $("hash").value = shown;
  $("done").textContent = "";
  // If this fails, the former torrent's buttons must not stay below the new hash.
  $("found").replaceChildren();
  $("actions").replaceChildren();
  await refresh();
}

// refresh shows what is looked up as it is now.
export async function refresh() {
  const hash = shown;
  if (hash === null) {
    return;
  }
  try {
    const [torrent, listed, access] = await Promise.all([find(hash), api(`access/${hash}`), api("access?limit=1")]);
    if (hash === shown) {
      show(hash, torrent, listed, access);
    }
  } catch (error) {
    say(error);
  }
}

// find returns a torrent, or null if it is not kept.
async function find(hash) {
  try {
    return await api(`torrents/${hash}`);
  } catch (error) {
    if (error instanceof Refused && error.status === 404) {
      return null;
    }
    throw error;
  }
}

// why says what an info hash is served or refused for.
function why(listed, access) {
  const o = listed.override;
  if (access.mode === "open") {
    return "every torrent is served";
  }
  if (o !== null) {
    return `${o.decision === "refuse" ? "blocked" : "unblocked"} ${o.local || o.origin === access.label ? "here" : "on another instance"}`;
  }
  const where = listed.in_file ? "in the list's file" : "not in the list's file";
  return access.mode === "deny" && !listed.in_file ? "not on the list" : where;
}

function show(hash, torrent, listed, access) {
  const list = el("dl", { class: "facts" });
  const o = listed.override;
  facts(list, [
    ["Info hash", el("span", { class: "hash" }, hash)],
    ["State", el("strong", { id: "served", class: listed.refused ? "bad" : "good" }, listed.refused ? "refused" : "served"),
      ` (mode ${access.mode}: ${why(listed, access)})`],
    ...(o === null ? [] : [["Decision", o.decision || "none in this mode", ", ", ago(o.since), o.origin === "" ? "" : `, on ${o.origin}`]]),
    ...(torrent === null
      ? [["Kept", "no: it has neither peers nor downloads"]]
      : [["Seeders", number(torrent.seeders)], ["Leechers", number(torrent.leechers)], ["Downloaded", number(torrent.downloaded)],
        ["Last announce", ago(torrent.last_announce)]]),
  ]);
  $("found").replaceChildren(list);
  offer(hash, listed, access);
}

// offer shows what can be done.
function offer(hash, listed, access) {
  if (access.mode === "open") {
    $("actions").replaceChildren(el("span", { id: "open-mode" }, open));
    return;
  }
  const where = listed.spreads ? "on every instance of the cluster" : "on this instance";
  const actions = [listed.refused
    ? action("Unblock", hash, `Clients that announce it are served ${where} from now on, whatever the list's file says.`, "PUT", "?decision=serve")
    : action("Block", hash, `Clients that announce it get no peers ${where} from now on, whatever the list's file says.`, "PUT", "?decision=refuse")];
  if (listed.override !== null) {
    actions.push(action("Leave it to the file", hash, `What was decided is dropped ${where}, and the list's file alone counts.`, "DELETE", ""));
  }
  const focused = document.activeElement?.textContent;
  $("actions").replaceChildren(...actions);
  actions.find((a) => a.textContent === focused)?.focus();
}

// action makes a button that asks before it sends a request.
function action(name, hash, consequence, method, query) {
  const button = el("button", { type: "button" }, `${name}…`);
  button.addEventListener("click", async () => {
    if (!await ask(`${name}?`, hash, consequence, name)) {
      return;
    }
    try {
      const listed = await api(`access/${hash}/override${query}`, { method });
      $("done").className = "";
      $("done").textContent = listed.refused ? "Done: it is refused." : "Done: it is served.";
    } catch (error) {
      say(error);
    }
    await refresh();
  });
  return button;
}

let answered = () => {}; // told what is answered to the question that is shown

// ask asks for a confirmation.
function ask(title, hash, text, yes) {
  answered(false); // the browser tells of a closed dialog only with its next frame
  $("ask-title").textContent = title;
  $("ask-hash").textContent = hash;
  $("ask-text").textContent = text;
  $("ask-yes").textContent = yes;
  $("ask").showModal();
  return new Promise((resolve) => { answered = resolve; });
}

function say(error) {
  $("done").className = "bad";
  $("done").textContent = told(error);
}

// hashIn returns the info hash that a text is or, if it is a magnet link, names.
function hashIn(text) {
  return text.trim().match(/^(?:magnet:\?.*xt=urn:btih:)?([0-9a-f]{40})(?:&.*)?$/i)?.[1];
}

// start has the form look up what is entered, and questions be answered.
export function start() {
  $("ask").addEventListener("submit", (event) => answered(event.submitter.value === "yes"));
  $("ask").addEventListener("close", () => {
    if (!$("ask").open) {
      answered(false);
    }
  });
  $("look-up-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const hash = hashIn($("hash").value);
    if (hash === undefined) {
      $("done").className = "bad";
      $("done").textContent = "An info hash has 40 hexadecimal digits.";
    } else {
      lookUp(hash);
    }
  });
}
