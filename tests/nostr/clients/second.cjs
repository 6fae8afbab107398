// A person whose client is nostr-tools: writes privately in both forms, reads the answers.
//
//   node second.cjs RELAY SECRET BOT     prints one JSON line for each answer, then ends
"use strict";

const WebSocket = require("ws");
const { finalizeEvent, getPublicKey } = require("nostr-tools/pure");
const nip04 = require("nostr-tools/nip04");
const nip17 = require("nostr-tools/nip17");

const [, , relay, secretHex, bot] = process.argv;
const secret = Uint8Array.from(Buffer.from(secretHex, "hex"));
const me = getPublicKey(secret);
const now = () => Math.floor(Date.now() / 1000);
const socket = new WebSocket(relay);
const send = (...message) => socket.send(JSON.stringify(message));

socket.on("open", () => {
  send("REQ", "mine", { kinds: [1059, 4], "#p": [me] });
  const tags = [["relay", relay]];
  send("EVENT", finalizeEvent({ kind: 10050, created_at: now(), tags, content: "" }, secret));
  const wrap = nip17.wrapEvent(secret, { publicKey: bot }, "in the new form \u{1F99C}", "parrots");
  send("EVENT", wrap);
});

socket.on("message", async (frame) => {
  const [verb, , event] = JSON.parse(frame);
  if (verb !== "EVENT") return;
  if (event.kind === 1059) {
    const rumor = nip17.unwrapEvent(event, secret);
    console.log(JSON.stringify({ form: "nip17", by: rumor.pubkey, text: rumor.content }));
    const content = await nip04.encrypt(secret, bot, "in the old form");
    const draft = { kind: 4, created_at: now(), tags: [["p", bot]], content };
    send("EVENT", finalizeEvent(draft, secret));
  } else if (event.kind === 4) {
    const text = await nip04.decrypt(secret, bot, event.content);
    console.log(JSON.stringify({ form: "nip04", by: event.pubkey, text }));
    socket.close();
  }
});
