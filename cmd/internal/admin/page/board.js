// The parts of the page that show numbers.
import { $, ago, bytes, el, facts, number, rate, rows, span } from "./dom.js";
import { chart, key, spark } from "./chart.js";

const sum = (list) => list.reduce((a, b) => a + b, 0);
const both = (family) => family.ipv4 + family.ipv6;

// transport names requests of a transport and a family.
const transport = (r) => `${r.transport.toUpperCase()}, ${r.family.replace("ipv", "IPv")}`;

// now returns the last of a list, 0 if it is empty.
const now = (list) => list[list.length - 1] ?? 0;

function tile(name, ...content) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, ...content));
}

function big(id, shown) {
  shown.id = id;
  shown.classList.add("number");
  return shown;
}

export function tiles(stats, history) {
  const { times } = history;
  const total = times.map((_, i) => sum(history.requests.map((r) => r.per_second[i])));
  $("tiles").replaceChildren(
    tile("Requests a second", big("requests-now", rate(now(total))), spark(times, total)),
    tile("Torrents", big("torrents", number(stats.torrents)), spark(times, history.torrents)),
    tile("Peers", big("peers", number(both(stats.peers))), el("div", { class: "quiet" }, "IPv4 ", number(stats.peers.ipv4), ", IPv6 ", number(stats.peers.ipv6)),
      spark(times, history.peers)),
    tile("Seeders", big("seeders", number(both(stats.seeders))),
      el("div", { class: "quiet" }, "IPv4 ", number(stats.seeders.ipv4), ", IPv6 ", number(stats.seeders.ipv6))),
    tile("Downloads since the start", big("completed", number(stats.completed))),
    tile("Memory for torrents", big("memory", bytes(stats.memory.bytes)), ...budget(stats.memory), spark(times, history.memory_bytes)));
}

function budget(memory) {
  if (memory.limit_bytes === 0) {
    return [el("div", { class: "quiet" }, "no limit")];
  }
  const share = { min: 0, max: memory.limit_bytes, high: 0.9 * memory.limit_bytes, optimum: 0, value: memory.bytes };
  return [el("div", { class: "quiet" }, "of ", bytes(memory.limit_bytes)), el("meter", { ...share, "aria-label": "Share of the memory budget" })];
}

export function requests({ times, requests: all }) {
  chart($("requests-chart"), times, all.map((r) => r.per_second));
  rows($("requests-table"), all.map((r, i) => [
    el("span", {}, key(i), transport(r)), rate(now(r.per_second)), rate(sum(r.per_second) / Math.max(1, r.per_second.length)),
    rate(Math.max(0, ...r.per_second))]), "Neither UDP nor HTTP is turned on.");
}

// what says in words what a metric counts.
const what = {
  keeptrack_udp_failures_total: "UDP requests failed",
  keeptrack_udp_drops_total: "UDP packets not answered",
  keeptrack_udp_unsent_total: "UDP replies not sent",
  keeptrack_kernel_receive_drops_total: "Datagrams dropped by the system",
  keeptrack_http_failures_total: "HTTP requests failed",
  keeptrack_http_malformed_total: "Not HTTP",
  keeptrack_http_untrusted_proxy_total: "Proxy not trusted",
  keeptrack_http_refused_total: "HTTP connections beyond an address's limit",
  keeptrack_http_accept_pauses_total: "HTTP paused accepting",
  keeptrack_https_handshake_failures_total: "TLS handshakes failed",
  keeptrack_https_certificate_failures_total: "Certificate failures",
  keeptrack_peers_turned_away_total: "Peers not stored",
  keeptrack_peers_unreachable_total: "Peers that others could not reach",
  keeptrack_torrents_turned_away_total: "Torrents not stored, by max_torrents",
  keeptrack_evicted_total: "Evicted to make room",
  keeptrack_livesync_drops_total: "Live sync packets dropped",
  keeptrack_checkpoint_failures_total: "Checkpoints failed",
  keeptrack_snapshot_failures_total: "Snapshots of the peers failed",
  keeptrack_admin_unauthorized_total: "Admin requests without the right token",
};

export function reasons({ times, reasons: all }) {
  $("recent-span").textContent = times.length === 0 ? "Recent" : `Last ${span(Math.min(600, 5 * times.length))}`;
  const sorted = [...all].sort((a, b) => b.recent - a.recent || b.total - a.total);
  rows($("reasons-table"), sorted.map((r) => [
    el("span", { title: r.metric }, what[r.metric] ?? r.metric), r.reason.replaceAll("_", " "), number(r.recent), number(r.total)]), "Nothing so far.");
}

export function disk({ checkpoint, snapshot }) {
  const error = (text) => (text === undefined ? [] : [["Failing", el("strong", { class: "bad" }, text)]]);
  facts($("disk-list"), [
    ["Checkpoints", number(checkpoint.written), " written, ", number(checkpoint.failed), " failed"],
    ["Last one", checkpoint.written === 0 ? "none since the start" : ago(checkpoint.last)],
    ...error(checkpoint.error),
    ...(snapshot.enabled
      ? [["Snapshots of peers", number(snapshot.written), " written, ", number(snapshot.failed), " failed"],
        ["Last one", ...(snapshot.written === 0 ? ["none since the start"]
          : [ago(snapshot.last), ": ", number(snapshot.peers), " peers, ", bytes(snapshot.bytes)])]]
      : [["Snapshots of peers", "off (store.keep_peers)"]]),
    ...error(snapshot.error),
  ]);
}

// step says whether a member's counts are equal to those here.
function step(member) {
  if (!member.here) {
    return el("strong", { class: "bad" }, "away");
  }
  return member.in_step
    ? el("span", { class: "good" }, "in step")
    : el("span", { class: "bad" }, "differ for ", span((Date.now() - new Date(member.unlike_since)) / 1000));
}

export function cluster(c) {
  const off = c.enabled === false;
  const members = c.counting?.members ?? [];
  $("members-table").hidden = off;
  if (off) {
    facts($("cluster-list"), [["Live sync", "off: this instance is alone"]]);
    return;
  }
  facts($("cluster-list"), [
    ["Instance", c.id],
    ["Live sync", ...(c.transport.up ? ["up"] : [el("strong", { class: "bad" }, "down: ", c.transport.down ?? "")]), " since ", ago(c.transport.since)],
    ["Peers of the others", c.peers.state, ", ", number(c.peers.taken), " received"],
    ["Others heard", number(c.instances.length)],
    ["In step", `${members.filter((m) => m.in_step).length} of ${members.length}`],
    ...(c.transport.peers ?? []).filter((p) => p.unheard && !p.self).map((p) => ["Not heard", el("strong", { class: "bad" }, p.name), ` ${p.failing ?? ""}`]),
    ...(c.overrides === undefined ? [] : [["Other access decisions", number(c.overrides.unlike_instances), " instances"]]),
  ]);
  rows($("members-table"), members.map((m) => [
    el("span", { title: m.origin }, m.label || m.origin), m.instance ?? "", ago(m.last_heard), step(m), el("span", { title: "packets with counts that have not come" }, number(m.packets_missing))]), "No other member is known.");
}

// top shows the top torrents. look is called with the info hash that is chosen.
export function top(torrents, look) {
  rows($("top-table"), torrents.map((t) => {
    const button = el("button", { type: "button", title: t.info_hash }, t.info_hash);
    button.addEventListener("click", () => look(t.info_hash));
    return [el("span", { class: "hash" }, button, ...(t.refused ? [el("strong", { class: "bad" }, " refused")] : [])),
      number(t.seeders), number(t.leechers), number(t.downloaded)];
  }), "None so far.");
}

const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });

// senders shows who sends most: networks and clients, or why that is not told.
export function senders(networks, clients) {
  const share = (n, of) => number(n / Math.max(1, of), percent);
  rows($("networks-table"), (networks.networks ?? []).map((n) => [n.network, number(n.requests), share(n.requests, networks.total)]),
    networks.refused ?? "None lately.");
  rows($("clients-table"), (clients.clients ?? []).map((c) => [
    c.name || "unknown", el("span", { class: "hash" }, c.prefix), number(c.announces), share(c.announces, clients.total)]), clients.refused ?? "None lately.");
}
