// Takes a meeting a line, in the contracts' terms, and answers the ids it has here.
"use strict";
const crypto = require("node:crypto");
const readline = require("node:readline");
const store = require("./store.js");

const word = (said) => ({
  text: said.word,
  from_ms: Math.round(said.start * 1000),
  to_ms: Math.round(said.end * 1000),
  speaker: said.speaker,
});

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const { room, transcript } = JSON.parse(line);
  const id = crypto.randomUUID();
  const row = { ...transcript, id, status: "uploaded", words: (transcript.words || []).map(word) };
  store.write(id, { room, row });
  process.stdout.write(`${JSON.stringify({ transcript_id: id })}\n`);
});
