// A viewer of the progress scenario in Node, through koffi. A receive that
// waits runs beside the event loop, which goes on meanwhile. Its rows are
// turned into JSON by the library, so that no MessagePack is needed here.
"use strict";

const koffi = require("koffi");
const path = require("node:path");

const MESSAGE = 3; // LIBSOCKET_EVENT_MESSAGE
const ERROR = 1; // LIBSOCKET_ERROR
const CONTROL = 2; // LIBSOCKET_CONTROL

const lib = koffi.load(process.env.LIBSOCKET_LIBRARY || "libsocket.so.0");
koffi.struct("libsocket_client", { id: "uint64_t" });
const open = lib.func(
  "int libsocket_client_open(_Out_ libsocket_client *client, const char *transport, const char *event, " +
    "const char *settings, uint32_t flags, void *callback, void *user)",
);
const receivePacked = lib.func(
  "int libsocket_client_receive_packed(_Out_ void **block, _Out_ size_t *size, libsocket_client client, " +
    "size_t max, int timeout_ms)",
);
const close = lib.func("int libsocket_client_close(libsocket_client client)");
const toJson = lib.func("int libsocket_msgpack_to_json(_Out_ void **json, const void *data, size_t size)");
const lastError = lib.func("const char *libsocket_last_error(void)");
const strerror = lib.func("const char *libsocket_strerror(int status)");
const free = lib.func("void libsocket_free(void *block)");

// The exact sentence belongs to the thread of the call: this one.
function check(status) {
  if (status < 0) throw new Error(lastError());
}

// Waits for the next events: an array of rows.
async function receive(client) {
  const block = [null];
  const size = [0];
  const status = await new Promise((resolve, reject) =>
    receivePacked.async(block, size, client, 1, -1, (error, status) => (error ? reject(error) : resolve(status))),
  );
  if (status < 0) throw new Error(strerror(status));
  const json = [null];
  try {
    check(toJson(json, block[0], size[0]));
    return JSON.parse(koffi.decode(json[0], "char", -1));
  } finally {
    free(block[0]);
    free(json[0]);
  }
}

// Prints a message; true when it was the last of its run.
function draw(type, data) {
  if (type === CONTROL) {
    console.log(`[${"#".repeat(20)}] done, files: ${data.files}`);
    return true;
  }
  if (type === ERROR) {
    console.log(`${data.file}: ${data.text}`);
    return false;
  }
  const bar = "#".repeat(data.percent / 5).padEnd(20);
  const percent = data.percent.toFixed(1).padStart(5);
  console.log(`[${bar}] ${percent} % ${data.sha256.slice(0, 8)} ${path.posix.basename(data.file)}`);
  return false;
}

async function main(transport, runs) {
  const client = {};
  check(open(client, transport, "progress", "wait_for_server = true", 0, null, null));
  for (let seen = 0; seen === 0 || seen !== runs; ) {
    for (const [kind, type, , , data] of await receive(client)) {
      if (kind === MESSAGE && draw(type, data)) seen++;
    }
  }
  check(close(client));
}

if (process.argv.length !== 4) {
  console.error("usage: viewer unix|tcp RUNS (0: for ever)");
  process.exitCode = 64;
} else {
  main(process.argv[2], Number(process.argv[3])).catch((error) => {
    console.error(error.message);
    process.exitCode = 69;
  });
}
