// Servers and clients of libsocket.hpp that give results. Compiled with and
// without exceptions.
#include "cpp_support.hpp"

using libsocket::event;
using libsocket::event_kind;
using libsocket::events;
using libsocket::status;
using libsocket::writer;
using namespace std::chrono_literals;
using namespace std::string_view_literals;
namespace results = libsocket::results;

#if !defined(__cpp_exceptions)
static_assert(std::is_same_v<libsocket::server, results::server>);
#else
static_assert(!std::is_same_v<libsocket::server, results::server>);
#endif

static void test_values()
{
    auto s = results::server::open("unix", "values", "", LIBSOCKET_PULL);
    check_need(CHECK(s.has_value()), "no server");
    CHECK(s.code() == status::ok);
    auto c = results::client::open("unix", "values");
    check_need(CHECK(bool(c)), "no client");
    CHECK(s->wait_clients(1).value_or(false));
    CHECK(!*s->wait_clients(2, 1ms));
    CHECK(s->send("\x01"sv).code() == status::ok);
    CHECK(*c->connected() && s->address()->size() > 0);
    // From a temporary: the block lives as long as the loop.
    int message = 0;
    while (message == 0)
        for (const event e : *c->receive())
            if (e.kind() == event_kind::message)
                message = e.payload().value_or(0);
    CHECK(message == 1);
    const auto none = c->receive(0ms);
    CHECK(none && none->empty());
    CHECK(!c->wait_events(1ms).value_or(true));
    const results::server moved(*std::move(s));
    CHECK(moved && moved.fd().value_or(-1) >= 0);
}

static void test_errors()
{
    const auto none = results::client::open("unix", "nobody");
    CHECK(!none && none.code() == status::no_server);
    CHECK(none.error().code() == status::no_server);
    CHECK(std::string_view(none.error().what()).find("\"nobody\"") !=
          std::string_view::npos);
    CHECK(results::client::open("unix", std::string("a\0b", 3)).code() == status::invalid);

    results::server closed;
    const auto sent = closed.send({});
    CHECK(!sent && sent.error().code() == status::bad_handle);
    CHECK(sent.code() == status::bad_handle);
    CHECK(closed.queue_length().value_or(7) == 7);
    CHECK(closed.clients().code() == status::bad_handle);
    CHECK(closed.stats().code() == status::bad_handle);
    CHECK(closed.receive(0ms).code() == status::bad_handle);
    CHECK(closed.receive_packed(0ms).code() == status::bad_handle);
    CHECK(libsocket::json_to_msgpack<libsocket::returning>("{").code() ==
          status::bad_message);

    auto s = results::server::open("unix", "errors");
    CHECK(s->receive(0ms).code() == status::invalid);
    CHECK(s->close().has_value() && s->close().code() == status::bad_handle);
}

static void test_callback()
{
    auto held = make_token();
    auto s = results::server::open("unix", "called");
    std::promise<int> got;
    {
        auto c = results::client::open(
            "unix", "called", "",
            [&, token = std::move(held.token)](results::client_ref, events batch) {
                for (const event e : batch)
                    if (e.kind() == event_kind::message)
                        got.set_value(e.payload().value_or(0));
            });
        check_need(CHECK(bool(c)), "no client");
        CHECK(bool(s->send("\x05"sv)));
        CHECK(got.get_future().get() == 5);
    }
    held.gone.get();
}

int main()
{
    const test_directory directory;
    RUN(test_values);
    RUN(test_errors);
    RUN(test_callback);
    return check_report();
}
