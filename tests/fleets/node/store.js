// Where this fleet keeps its state: a JSON file for each transcript.
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const folder = process.env.STORE;
fs.mkdirSync(folder, { recursive: true });

const place = (id) => path.join(folder, `${encodeURIComponent(id)}.json`);

exports.read = (id) => {
  try {
    return JSON.parse(fs.readFileSync(place(id), "utf8"));
  } catch {
    return null;
  }
};

exports.write = (id, record) => {
  fs.writeFileSync(`${place(id)}.new`, JSON.stringify(record));
  fs.renameSync(`${place(id)}.new`, place(id));
};
