/*
 * values_test.c - the functions without a handle: settings as an open would
 * use them, JSON to MessagePack and back.
 */
#include "support.h"

#include "libsocket_payload.h"

/* Resolves settings; the block is to free. */
static libsocket_value resolve(void **block, const char *transport, const char *settings)
{
    size_t size = 0;
    *block = NULL;
    check_need(CHECK_OK(libsocket_settings(block, &size, transport, settings)), "no settings");
    CHECK(libsocket_payload_valid(*block, size));
    return libsocket_payload(*block, size);
}

static void defaults_and_overrides(void)
{
    void *block;
    libsocket_value map = resolve(&block, NULL, NULL);
    CHECK(libsocket_is(libsocket_get(map, "socket_dir"), support_dir));
    CHECK(libsocket_get_int(map, "buffer_size", 0) == 4096);
    CHECK(libsocket_as_int(libsocket_find(map, "unix/max_connections"), 0) == 10);
    CHECK(libsocket_as_int(libsocket_find(map, "tcp/port_range_end"), 0) == 9100);
    char user_file[sizeof support_dir + 40];
    snprintf(user_file, sizeof user_file, "%s/.config/socket/settings.toml", support_dir);
    CHECK(libsocket_count(libsocket_get(map, "files")) == 1);
    CHECK(libsocket_is(libsocket_at(libsocket_get(map, "files"), 0), user_file));
    libsocket_free(block);
    map = resolve(&block, "unix", "max_connections = 7\nbuffer_size = 9");
    CHECK(libsocket_get_int(map, "buffer_size", 0) == 9);
    CHECK(libsocket_as_int(libsocket_find(map, "unix/max_connections"), 0) == 7);
    CHECK(libsocket_as_int(libsocket_find(map, "tcp/max_connections"), 0) == 10);
    libsocket_free(block);
}

/* What the host sets after the library was loaded counts. */
static void environment_of_now(void)
{
    void *block;
    setenv("SOCKET__BUFFER_SIZE", "123", 1);
    setenv("NAME_OF_A_DIRECTORY", "/somewhere", 1);
    libsocket_value map = resolve(&block, "unix", "socket_dir = \"$NAME_OF_A_DIRECTORY/x\"");
    CHECK(libsocket_get_int(map, "buffer_size", 0) == 123);
    CHECK(libsocket_is(libsocket_get(map, "socket_dir"), "/somewhere/x"));
    libsocket_free(block);
    unsetenv("SOCKET__BUFFER_SIZE");
    map = resolve(&block, "unix", "");
    CHECK(libsocket_get_int(map, "buffer_size", 0) == 4096);
    libsocket_free(block);
}

static void refused_settings(void)
{
    void *block = NULL;
    size_t size = 7;
    CHECK_STATUS(libsocket_settings(&block, &size, "unix", "buffer_size = 0"),
                 LIBSOCKET_E_SETTINGS);
    CHECK_SAYS("buffer_size");
    CHECK_STATUS(libsocket_settings(&block, &size, "carrier pigeon", NULL), LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_settings(NULL, &size, "unix", NULL), LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_settings(&block, NULL, "unix", NULL), LIBSOCKET_E_INVALID);
    CHECK(block == NULL && size == 7);
}

static void json_both_ways(void)
{
    static const char json[] = "{\"a\":[1,-2,2.5,true,null,\"\\u00e9\"],\"b\":{}}";
    static const unsigned char wanted[] = {
        0x82, 0xa1, 'a', 0x96, 1, 0xfe, 0xcb, 0x40, 4, 0, 0, 0, 0, 0, 0,
        0xc3, 0xc0, 0xa2, 0xc3, 0xa9, 0xa1, 'b', 0x80};
    void *data = NULL;
    size_t size = 0;
    CHECK_OK(libsocket_json_to_msgpack(&data, &size, json, strlen(json)));
    CHECK(size == sizeof wanted && memcmp(data, wanted, size) == 0);
    char *text = NULL;
    CHECK_OK(libsocket_msgpack_to_json(&text, data, size));
    CHECK(strcmp(text, "{\"a\":[1,-2,2.5,true,null,\"\303\251\"],\"b\":{}}") == 0);
    libsocket_free(text);
    libsocket_free(data);
}

static void refused_values(void)
{
    void *data = NULL;
    char *text = NULL;
    size_t size = 7;
    CHECK_STATUS(libsocket_json_to_msgpack(&data, &size, "[1,", 3), LIBSOCKET_E_BAD_MESSAGE);
    CHECK_SAYS("byte");
    CHECK_STATUS(libsocket_json_to_msgpack(&data, &size, "", 0), LIBSOCKET_E_BAD_MESSAGE);
    CHECK_STATUS(libsocket_json_to_msgpack(&data, &size, NULL, 1), LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_json_to_msgpack(NULL, &size, "1", 1), LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_json_to_msgpack(&data, NULL, "1", 1), LIBSOCKET_E_INVALID);
    static const unsigned char nan_[] = {0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0};
    CHECK_STATUS(libsocket_msgpack_to_json(&text, nan_, sizeof nan_), LIBSOCKET_E_BAD_MESSAGE);
    CHECK_STATUS(libsocket_msgpack_to_json(&text, "\x91", 1), LIBSOCKET_E_BAD_MESSAGE);
    CHECK_STATUS(libsocket_msgpack_to_json(&text, NULL, 1), LIBSOCKET_E_INVALID);
    CHECK_STATUS(libsocket_msgpack_to_json(NULL, "\x91", 1), LIBSOCKET_E_INVALID);
    CHECK(data == NULL && text == NULL && size == 7);
}

int main(void)
{
    support_start();
    RUN(defaults_and_overrides);
    RUN(environment_of_now);
    RUN(refused_settings);
    RUN(json_both_ways);
    RUN(refused_values);
    return support_end();
}
