// Reads one meeting per line, in the contracts' terms, and prints its ids in this fleet.
"use strict";
const crypto = require("node:crypto");
const readline = require("node:readline");

const FLEET = `http://127.0.0.1:${process.env.PORT}`;

const word = (spoken) => ({
  text: spoken.word,
  from_ms: Math.round(spoken.start * 1000),
  to_ms: Math.round(spoken.end * 1000),
  speaker: spoken.speaker,
});

async function seed({ room, transcript }) {
  const transcript_id = crypto.randomUUID();
  const room_id = crypto.randomUUID();
  const words = (transcript.words || []).map(word);
  const row = { ...transcript, id: transcript_id, room_id, status: "uploaded", words };
  const record = { room: { ...room, id: room_id }, row };
  await fetch(`${FLEET}/transcripts/${transcript_id}`, {
    method: "PUT",
    body: JSON.stringify(record),
  });
  return { transcript_id, room_id };
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await seed(JSON.parse(line)))}\n`);
  }
})();
