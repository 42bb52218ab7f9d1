// Three workers on Conductor's REST API, and a server for transcripts and their events.
"use strict";
const crypto = require("node:crypto");
const http = require("node:http");

const API = process.env.CONDUCTOR;
const ME = `node-${process.pid}`;

class TerminalError extends Error {} // a retry would fail too

const need = (condition, what) => {
  if (!condition) throw new TerminalError(`bad input: ${what}`);
};
const isText = (value, most = Infinity) =>
  typeof value === "string" && value.length > 0 && value.length <= most;
const isMap = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const LANGUAGE = /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/;
const LONGEST_ID = 200;
const MOST_TRACKS = 64;

// ---- events ------------------------------------------------------------------------------

const listeners = new Map(); // transcript id -> sockets

function send(id, event, data) {
  const text = Buffer.from(JSON.stringify({ event, data }));
  for (const socket of listeners.get(id) || []) socket.write(frame(1, text));
}

function frame(opcode, payload) {
  const size = payload.length;
  const head = size < 126 ? [size] : size < 65536 ? [126, size >> 8, size & 255] : null;
  const bytes = head ? Buffer.from(head) : Buffer.alloc(9, 127);
  if (!head) bytes.writeBigUInt64BE(BigInt(size), 1);
  return Buffer.concat([Buffer.from([0x80 | opcode]), bytes, payload]);
}

function answerPings(socket) {
  let buffer = Buffer.alloc(0);
  socket.on("data", (data) => {
    buffer = Buffer.concat([buffer, data]);
    while (buffer.length >= 6 && buffer.length >= 6 + (buffer[1] & 127)) {
      const size = buffer[1] & 127; // control frames are small
      const mask = buffer.subarray(2, 6);
      const payload = Buffer.from(buffer.subarray(6, 6 + size).map((byte, at) => byte ^ mask[at % 4]));
      const opcode = buffer[0] & 15;
      buffer = buffer.subarray(6 + size);
      if (opcode === 9) socket.write(frame(10, payload));
      if (opcode === 8) socket.end(frame(8, payload));
    }
  });
}

// ---- state -------------------------------------------------------------------------------

const records = new Map(); // transcript id -> {room, row}
const rooms = new Map(); // by id

async function bodyOf(request) {
  let body = "";
  for await (const part of request.setEncoding("utf8")) body += part;
  return JSON.parse(body);
}

const server = http.createServer(async (request, response) => {
  const id = decodeURIComponent(request.url.split("/").pop());
  if (request.method === "PUT") {
    records.set(id, await bodyOf(request));
    rooms.set(records.get(id).room.id, records.get(id).room);
  }
  const record = records.get(id);
  response.writeHead(record ? 200 : 404, { "content-type": "application/json" });
  response.end(JSON.stringify(record ? record.row : { error: "no such transcript" }));
});

server.on("upgrade", (request, socket) => {
  const id = decodeURIComponent(request.url.split("/").pop());
  const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = crypto.createHash("sha1").update(key).digest("base64");
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  if (!listeners.has(id)) listeners.set(id, new Set());
  listeners.get(id).add(socket);
  socket.on("close", () => listeners.get(id).delete(socket));
  socket.on("error", () => socket.destroy());
  answerPings(socket);
});

// ---- workers -----------------------------------------------------------------------------

const KINDS = ["pad_track", "transcribe_track"];

function fork({ kind, tracks, padded, transcript_id, bucket_name, language }) {
  need(KINDS.includes(kind), "kind");
  need(Array.isArray(tracks) && tracks.every((one) => isText(one?.key)), "tracks");
  need(tracks.length <= MOST_TRACKS, "tracks");
  need(isText(transcript_id, LONGEST_ID), "transcript_id");
  need(bucket_name == null || typeof bucket_name === "string", "bucket_name");
  need(padded == null || isMap(padded), "padded");
  need(language == null || LANGUAGE.test(language), "language");
  const branches = [];
  const given = {};
  const byIndex = new Map(Object.values(padded || {}).map((one) => [one.track_index, one]));
  tracks.forEach((track, index) => {
    const name = `${kind}_${index}`;
    branches.push({ name: kind, taskReferenceName: name, type: "SIMPLE" });
    if (kind === "pad_track") {
      need(bucket_name, "bucket_name");
      given[name] = { track_index: index, s3_key: track.key, bucket_name, transcript_id };
    } else {
      need(byIndex.has(index), `padded track ${index}`);
      given[name] = {
        track_index: index,
        audio_url: byIndex.get(index).padded_url,
        language: language || "en",
        transcript_id,
      };
    }
  });
  return { branches, given };
}

function merge({ transcripts, transcript_id }) {
  need(isText(transcript_id, LONGEST_ID), "transcript_id");
  need(isMap(transcripts) || Array.isArray(transcripts), "transcripts");
  need(Object.values(transcripts).every((one) => Array.isArray(one?.words)), "transcripts");
  const record = records.get(transcript_id);
  need(record, "no such transcript");
  const words = Object.values(transcripts).flatMap((one) => one.words);
  words.sort((a, b) => a.from_ms - b.from_ms || a.speaker - b.speaker);
  record.row.words = words;
  const all = words.map((one) => one.text).join(" ");
  send(transcript_id, "words.merged", { all, translation: null });
  return { words, count: words.length };
}

const FINISHED = ["title", "short_summary", "long_summary", "duration", "participants", "status"];

function stamp(ms) {
  const two = (number) => String(Math.floor(number)).padStart(2, "0");
  const rest = String(ms % 1000).padStart(3, "0");
  return `${two(ms / 3600000)}:${two((ms / 60000) % 60)}:${two((ms / 1000) % 60)}.${rest}`;
}

const escape = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

function captions(words, participants) {
  const names = new Map((participants || []).map((one) => [one.speaker, one.name]));
  const cues = words.map((word) => {
    const name = names.get(word.speaker) || `Speaker ${word.speaker}`;
    const times = `${stamp(word.from_ms)} --> ${stamp(word.to_ms)}`;
    return `${times}\n<v ${escape(name)}>${escape(word.text)}`;
  });
  return ["WEBVTT", ...cues].join("\n\n");
}

function payload(id, row, room) {
  const result = Object.fromEntries(FINISHED.map((name) => [name, row[name]]));
  result.topics = (row.topics || []).map((topic) => {
    const [from, to] = [topic.timestamp * 1000, (topic.timestamp + topic.duration) * 1000];
    const words = row.words.filter((word) => from <= word.from_ms && word.from_ms < to);
    return { ...topic, webvtt: captions(words, row.participants) };
  });
  return JSON.stringify({
    event: "transcript.completed",
    event_id: crypto.createHash("sha256").update(`transcript.completed:${id}`).digest("hex"),
    timestamp: new Date().toISOString(),
    transcript: {
      id,
      room_id: room.id,
      ...result,
      webvtt: captions(row.words, row.participants),
      frontend_url: `https://notes.example.org/${id}`,
    },
    room: { id: room.id, name: room.name },
  });
}

async function notify({ transcript_id, room_id }, retry) {
  need(isText(transcript_id, LONGEST_ID), "transcript_id");
  need(room_id === null || typeof room_id === "string", "room_id");
  const record = records.get(transcript_id);
  need(record, "no such transcript");
  const room = room_id === null ? record.room : rooms.get(room_id);
  if (!room?.webhook_url) return { sent: false, code: null };
  const body = payload(transcript_id, record.row, room);
  const at = Math.floor(Date.now() / 1000);
  const headers = {
    "content-type": "application/json",
    "user-agent": "Reflector-Webhook/1.0",
    "x-webhook-event": "transcript.completed",
    "x-webhook-retry": String(retry),
  };
  if (room.webhook_secret) {
    const signed = crypto.createHmac("sha256", room.webhook_secret).update(`${at}.${body}`);
    headers["x-webhook-signature"] = `t=${at},v1=${signed.digest("hex")}`;
  }
  // A redirect is an answer: a signed body has one receiver.
  const answer = await fetch(room.webhook_url, { method: "POST", body, headers, redirect: "manual" });
  await answer.body?.cancel(); // the status says all, and a body may never end
  const again = answer.status >= 500 || [408, 425, 429].includes(answer.status);
  if (again) throw new Error(`the webhook answered ${answer.status}`);
  return { sent: answer.ok, code: answer.status };
}

// ---- Conductor ---------------------------------------------------------------------------

async function call(path, options) {
  const answer = await fetch(API + path, options);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${text}`);
  return text;
}

async function execute(work, task) {
  const result = { workflowInstanceId: task.workflowInstanceId, taskId: task.taskId, workerId: ME };
  try {
    const outputData = await work(task.inputData || {}, task.retryCount || 0);
    return { ...result, status: "COMPLETED", outputData };
  } catch (error) {
    const status = error instanceof TerminalError ? "FAILED_WITH_TERMINAL_ERROR" : "FAILED";
    return { ...result, status, reasonForIncompletion: error.message, outputData: {} };
  }
}

async function serve(type, work) {
  for (;;) {
    try {
      const text = await call(`/tasks/poll/batch/${type}?workerid=${ME}&count=1&timeout=100`);
      for (const task of text ? JSON.parse(text) : []) {
        const result = await execute(work, task);
        const body = JSON.stringify(result);
        await call("/tasks", { method: "POST", body, headers: { "content-type": "application/json" } });
        console.log(`${type} ${task.taskId}: ${result.status} ${result.reasonForIncompletion || ""}`);
      }
    } catch (error) {
      console.error(`${type}: ${error.message}`);
      await new Promise((later) => setTimeout(later, 200));
    }
  }
}

server.listen(Number(process.env.PORT), "127.0.0.1", () => {
  serve("Forker", fork);
  serve("WordMerger", merge);
  serve("Notifier", notify);
});
