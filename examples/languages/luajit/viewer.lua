-- A viewer of the progress scenario in LuaJIT, whose ffi takes declarations as
-- they stand in libsocket.h. The library turns rows into JSON for lua-cjson.
local ffi = require("ffi")
local cjson = require("cjson")

ffi.cdef [[
typedef struct libsocket_client {
    uint64_t id;
} libsocket_client;
typedef struct libsocket_event libsocket_event;
typedef void (*libsocket_callback)(const libsocket_event *events, size_t count,
                                   void *user);
int libsocket_client_open(libsocket_client *client, const char *transport,
                          const char *event, const char *settings,
                          uint32_t flags, libsocket_callback callback,
                          void *user);
int libsocket_client_receive_packed(void **block, size_t *size,
                                    libsocket_client client, size_t max,
                                    int timeout_ms);
int libsocket_client_close(libsocket_client client);
int libsocket_msgpack_to_json(char **json, const void *data, size_t size);
const char *libsocket_last_error(void);
void libsocket_free(void *block);
]]
local MESSAGE, ERROR, CONTROL = 3, 1, 2 -- LIBSOCKET_EVENT_MESSAGE, _ERROR, _CONTROL

local lib = ffi.load(os.getenv("LIBSOCKET_LIBRARY") or "libsocket.so.0")

local function check(status)
    if status < 0 then
        io.stderr:write(ffi.string(lib.libsocket_last_error()), "\n")
        os.exit(69)
    end
end

-- Waits for the next events: an array of rows.
local function receive(client)
    local block, size = ffi.new("void *[1]"), ffi.new("size_t[1]")
    check(lib.libsocket_client_receive_packed(block, size, client, 1, -1))
    local json = ffi.new("char *[1]")
    local status = lib.libsocket_msgpack_to_json(json, block[0], size[0])
    lib.libsocket_free(block[0])
    check(status)
    local rows = cjson.decode(ffi.string(json[0]))
    lib.libsocket_free(json[0])
    return rows
end

-- Prints a message; true when it was the last of its run.
local function draw(type, data)
    if type == CONTROL then
        print(("[%s] done, files: %d"):format(("#"):rep(20), data.files))
        return true
    elseif type == ERROR then
        print(("%s: %s"):format(data.file, data.text))
    else
        print(("[%-20s] %5.1f %% %.8s %s"):format(("#"):rep(math.floor(data.percent / 5)),
            data.percent, data.sha256, data.file:match("[^/]*$")))
    end
    return false
end

if #arg ~= 2 then
    io.stderr:write("usage: viewer unix|tcp RUNS (0: for ever)\n")
    os.exit(64)
end
local runs, seen = tonumber(arg[2]), 0
local client = ffi.new("libsocket_client")
check(lib.libsocket_client_open(client, arg[1], "progress", "wait_for_server = true", 0, nil, nil))
repeat
    for _, row in ipairs(receive(client)) do
        if row[1] == MESSAGE and draw(row[2], row[5]) then
            seen = seen + 1
        end
    end
    io.stdout:flush()
until seen > 0 and seen == runs
check(lib.libsocket_client_close(client))
