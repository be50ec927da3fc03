// Servers and clients of libsocket.hpp, with exceptions.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <optional>
#include <thread>

#include <poll.h>
#include <spawn.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "cpp_support.hpp"

using libsocket::client;
using libsocket::client_ref;
using libsocket::end_reason;
using libsocket::error;
using libsocket::event;
using libsocket::event_kind;
using libsocket::events;
using libsocket::message;
using libsocket::message_type;
using libsocket::server;
using libsocket::server_ref;
using libsocket::status;
using libsocket::writer;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

static_assert(!std::is_copy_constructible_v<server> &&
              !std::is_copy_assignable_v<client>);
static_assert(std::is_nothrow_move_constructible_v<server> &&
              std::is_nothrow_move_assignable_v<client>);
static_assert(sizeof(server) == sizeof(libsocket_server) &&
              sizeof(client) == sizeof(libsocket_client));
static_assert(!std::is_convertible_v<server, client_ref>);

// The code and text of the error that a call throws.
template <class Call>
static std::optional<error> thrown(Call call)
{
    try {
        call();
    } catch (const error &e) {
        return e;
    }
    return std::nullopt;
}
template <class Call>
static bool throws(status wanted, Call call)
{
    const auto e = thrown(call);
    if (e && e->code() != wanted)
        printf("  status %d: %s\n", static_cast<int>(e->code()), e->what());
    return e && e->code() == wanted && e->what() != ""sv;
}

// The next event of a kind, with the block it lies in.
struct found {
    libsocket::received_events block;
    event operator*() const { return block[0]; }
};
template <class Handle>
static found next(const Handle &handle, event_kind kind)
{
    for (;;) {
        found f{handle.receive(libsocket::forever, 1)};
        if (!f.block.empty() && (*f).kind() == kind)
            return f;
    }
}

static void test_exchange()
{
    auto s = server::open("unix", "exchange", "", LIBSOCKET_PULL);
    auto c = client::open("unix", "exchange", "name = \"viewer\"");
    CHECK(s && c && c.connected());
    CHECK(s.wait_clients(1));

    writer w;
    w.map().put("percent", 25).end();
    s.send(w);
    CHECK(c.wait_events());
    const found got = next(c, event_kind::message);
    CHECK((*got).type() == message_type::data);
    CHECK((*got).payload()["percent"].value_or(0) == 25);
    CHECK((*got).data() == w.data());
    CHECK((*got).event_name() == "exchange");
    CHECK((*got).timestamp_ms() > 0 && !(*got).timestamp_iso().empty());
    CHECK((*got).seq() == 1 && !(*got).unicast() && !(*got).retained());

    const auto clients = s.clients();
    CHECK(clients.size() == 1 && clients[0].name == "viewer");
    CHECK(clients[0].pid == getpid() && clients[0].uid == getuid());
    c.send({w, message_type::error});
    CHECK(s.wait_events());
    const found asked = next(s, event_kind::message);
    CHECK((*asked).client() == clients[0].client);
    CHECK((*asked).type() == message_type::error);
    s.send_to((*asked).client(), libsocket::json_to_msgpack("\"answer\""));
    const found answer = next(c, event_kind::message);
    CHECK((*answer).unicast());
    CHECK((*answer).payload().value_or("") == "answer");

    s.announce_restart();
    s.end_sending();
    CHECK(throws(status::closed, [&] { s.send(message()); }));
    s.close();
    CHECK((*next(c, event_kind::disconnected)).reason() ==
          end_reason::restarting);
    CHECK(throws(status::bad_handle, [&] { s.close(); }));
    c.close();
}

static void test_message_fields()
{
    auto s = server::open("unix", "fields");
    message kept("\xc3"sv, message_type::control);
    kept.event_name = "other";
    kept.timestamp_ms = 1000;
    kept.timestamp_iso = "1970-01-01T00:00:01+00:00";
    kept.retain_key = "state";
    s.send(kept);
    s.queue_clear();
    auto c = client::open("unix", "fields");
    const found got = next(c, event_kind::message);
    CHECK((*got).retained());
    CHECK((*got).type() == message_type::control && (*got).data() == "\xc3"sv);
    CHECK((*got).event_name() == "other");
    CHECK((*got).timestamp_ms() == 1000);
    CHECK((*got).timestamp_iso() == kept.timestamp_iso);
    // Nothing is an empty map, what went wrong in a writer is no message.
    s.send({});
    CHECK((*next(c, event_kind::message)).data() == "\x80"sv);
    CHECK(throws(status::bad_message, [&] { s.send(writer().map()); }));
}

static void test_many_and_queue()
{
    auto s = server::open("unix", "many");
    CHECK(s.address().find("many") != std::string::npos);
    s.send_many({message("\x01"sv), message("\x02"sv)});
    CHECK(s.queue_length() == 2);
    const auto taken = s.queue_take();
    CHECK(taken.size() == 2 && taken[1][4].value_or(0) == 2);
    CHECK(s.queue_length() == 0 && s.stats()["sent"].value_or(0) == 2);

    std::size_t sent = 9;
    message bad("\x01"sv);
    bad.retain_key = "a\0b"sv;
    CHECK(throws(status::invalid, [&] { s.send(bad); }));
    CHECK(throws(status::invalid, [&] { s.send_to(1, bad); }));
    CHECK(throws(status::invalid,
                 [&] { s.send_many({message("\x03"sv), bad}, &sent); }));
    CHECK(sent == 1 && s.queue_length() == 1);
    CHECK(throws(status::bad_message, [&] {
        s.send_many({message("\x01"sv), message("\xc1"sv)}, &sent);
    }));
    CHECK(sent == 1 && s.queue_length() == 2);
    CHECK(throws(status::unknown_client, [&] { s.send_to(1, {}); }));
    CHECK(throws(status::bad_message,
                 [&] { s.send_packed("\x92\x80\x01"sv, &sent); }));
    CHECK(sent == 1 && s.queue_length() == 3);

    auto c = client::open("unix", "many");
    next(c, event_kind::connected);
    int first = 0;
    while (first == 0)
        for (const auto &[none, row] : c.receive_packed(5s, 1))
            if (row[0].value_or(0) == LIBSOCKET_EVENT_MESSAGE)
                first = row[4].value_or(-1);
    CHECK(first == 3);
    s.send("\x02"sv);
    while (c.buffered() < 3)
        std::this_thread::yield();
    c.buffer_clear();
    CHECK(c.buffered() == 0);
    c.send_many({message("\x01"sv), message("\x02"sv)}, &sent);
    CHECK(sent == 2);
    c.send_packed("\x93\x80\x80\x80"sv, &sent);
    CHECK(sent == 3);
}

// No event within the time, and a signal while waiting, give no events.
static void test_waiting()
{
    auto s = server::open("unix", "waiting", "", LIBSOCKET_PULL);
    CHECK(s.receive(0ms).empty() && s.receive(1ms).empty());
    CHECK(!s.receive_packed(0ms) && s.receive_packed(0ms).size() == 0);
    CHECK(!s.wait_clients(1, 1ms));

    pollfd p = {s.fd(), POLLIN, 0};
    CHECK(poll(&p, 1, 0) == 0);
    auto c = client::open("unix", "waiting");
    int ready = 0;
    do
        ready = poll(&p, 1, -1);
    while (ready < 0 && errno == EINTR); // a SIGURG of the Go runtime
    CHECK(ready == 1 && p.revents == POLLIN);
    const auto batch = s.receive(libsocket::timeout::max());
    CHECK(batch.size() >= 1 && batch[0].kind() == event_kind::connected);
    while (!s.receive(0ms).empty())
        continue;
    CHECK(poll(&p, 1, 0) == 0);

    std::signal(SIGUSR1, [](int) {});
    std::atomic<bool> done = false;
    const pthread_t waiting = pthread_self();
    std::thread signals([&] {
        while (!done) {
            pthread_kill(waiting, SIGUSR1);
            std::this_thread::yield();
        }
    });
    CHECK(s.receive().empty());
    CHECK(!s.wait_clients(2));
    done = true;
    signals.join();
}

// A destructor and an assignment close, a move and a release do not.
static void test_ownership()
{
    const auto gone = [](const char *name) {
        return throws(status::no_server, [&] { client::open("unix", name); });
    };
    {
        auto s = server::open("unix", "owned");
        server moved(std::move(s));
        CHECK(!s && moved); // NOLINT(bugprone-use-after-move)
        CHECK(throws(status::bad_handle, [&] { s.close(); }));
        client::open("unix", "owned").close();
        auto &self = moved;
        moved = std::move(self);
        CHECK(bool(moved));
        moved = server::open("unix", "owned2");
        CHECK(gone("owned"));
    }
    CHECK(gone("owned2"));

    server_ref ref;
    CHECK(!ref && throws(status::bad_handle, [&] { ref.send({}); }));
    libsocket_server raw{};
    {
        auto s = server::open("unix", "owned");
        ref = s;
        raw = s.release();
    }
    ref.send({}); // still open
    const server again(raw);
    CHECK(again.queue_length() == 1);
    ref.close();
    CHECK(gone("owned"));
}

// Callbacks answer through the reference they are given, before open returns
// too, and all they own is released after the last event.
static void test_callbacks()
{
    auto held = make_token();
    std::promise<std::string> answered;
    std::atomic<bool> last = false;
    {
        auto s = server::open(
            "unix", "echo", "", [&, token = held.token](server_ref ref, events batch) {
                CHECK(!last && !batch.empty());
                for (const event e : batch) {
                    if (e.kind() == event_kind::message)
                        ref.send_to(e.client(), e.data());
                    last = e.kind() == event_kind::closed;
                }
            });
        auto c = client::open(
            "unix", "echo", "", [&](client_ref ref, events batch) {
                for (const event e : batch) {
                    if (e.kind() == event_kind::connected)
                        ref.send("\xa2hi"sv);
                    if (e.kind() == event_kind::message)
                        answered.set_value(
                            std::string(e.payload().value_or("?")));
                }
            });
        CHECK(answered.get_future().get() == "hi");
        CHECK(throws(status::invalid, [&] { c.receive(0ms); }));
        CHECK(throws(status::invalid, [&] { c.fd(); }));
        held.token.reset();
    }
    CHECK(last);
    held.gone.get();
}

// An open that fails neither runs the callback nor keeps it.
static void test_failed_open()
{
    auto held = make_token();
    const auto never = [token = std::move(held.token)](client_ref, events) {
        CHECK(token == nullptr); // it runs
    };
    CHECK(throws(status::no_server, [&] { client::open("unix", "nobody", "", never); }));
    CHECK(throws(status::settings, [&] { client::open("unix", "x", "nonsense", never); }));
    {
        auto copy = std::move(never);
    }
    const auto e = thrown([] { client::open("unix", "nobody"); });
    CHECK(e && std::string_view(e->what()).find("\"nobody\"") != std::string_view::npos);
    CHECK(throws(status::invalid, [] { client::open("unix", std::string("a\0b", 3)); }));
    CHECK(throws(status::invalid, [] { server::open("unix", "a b"); }));
    CHECK(throws(status::invalid, [] { server::open("unix", "ab", std::string("\0x", 2)); }));
}

// A callback may close its own handle, and its object may die in it.
static void test_close_inside()
{
    auto held = make_token();
    auto s = server::open("unix", "inside");
    std::promise<void> closed;
    auto c = client::open("unix", "inside", "",
                          [&, token = std::move(held.token)](client_ref ref, events batch) {
                              for (const event e : batch) {
                                  if (e.kind() == event_kind::connected)
                                      ref.close();
                                  if (e.kind() == event_kind::closed)
                                      closed.set_value();
                              }
                          });
    closed.get_future().get();
    held.gone.get();
    CHECK(throws(status::bad_handle, [&] { c.close(); }));

    auto other = make_token();
    auto owner = std::make_shared<std::optional<client>>();
    auto opened = std::make_shared<std::promise<void>>();
    *owner = client::open(
        "unix", "inside", "",
        [owner, ready = opened->get_future().share(),
         token = std::move(other.token)](client_ref, events batch) {
            ready.wait(); // the object is there
            if (batch[0].kind() == event_kind::connected)
                owner->reset();
        });
    opened->set_value();
    other.gone.get();
    CHECK(!*owner);
}

// What leaves a callback reaches its handler, and the events go on.
static void test_exceptions()
{
    std::atomic<int> caught = 0;
    std::promise<void> third;
    auto s = server::open("unix", "throws");
    auto c = client::open(
        "unix", "throws", "",
        [](client_ref, events batch) {
            for (const auto &e : batch)
                if (e.kind() == event_kind::message)
                    throw std::runtime_error("of the callback");
        },
        [&](std::exception_ptr e) {
            try {
                std::rethrow_exception(e);
            } catch (const std::runtime_error &error) {
                if (error.what() == "of the callback"sv && ++caught == 3)
                    third.set_value();
            }
        });
    // One at a time: a batch throws once.
    for (int i = 1; i <= 3; i++) {
        s.send("\x01"sv);
        while (caught < i)
            std::this_thread::yield();
    }
    third.get_future().get();
    CHECK(caught == 3);
}

// Nobody takes the exception: the program has to end. Runs in a process of its
// own, which is this program with an argument.
[[noreturn]] static void end_by_exception(std::string_view handler)
{
    std::set_terminate([] { _exit(42); });
    libsocket::exception_handler on_exception;
    if (handler == "throwing")
        on_exception = [](std::exception_ptr e) { std::rethrow_exception(e); };
    auto s = server::open("unix", "ends");
    auto c = client::open(
        "unix", "ends", "", [](client_ref, events) { throw 1; },
        std::move(on_exception));
    for (;;)
        pause();
}
static void test_uncaught(const char *handler)
{
    std::string name = std::filesystem::read_symlink("/proc/self/exe");
    std::string argument = handler;
    char *const arguments[] = {name.data(), argument.data(), nullptr};
    pid_t pid = 0;
    check_need(posix_spawn(&pid, name.c_str(), nullptr, nullptr, arguments, environ) == 0, "no process");
    int ended = 0;
    CHECK(waitpid(pid, &ended, 0) == pid);
    CHECK(WIFEXITED(ended) && WEXITSTATUS(ended) == 42);
}

static void test_what_runs()
{
    auto s = server::open("unix", "runs");
    const auto info = libsocket::inspect("unix", "runs");
    CHECK(info["state"].value_or("") == "live" && info["stats"]["clients"].value_or(-1) == 0);
    const auto found = libsocket::list();
    CHECK(found.size() == 1 && found[0]["event"].value_or("") == "runs");
    s.close();
    CHECK(throws(status::no_server, [] { (void)libsocket::inspect("unix", "runs"); }));
    CHECK(throws(status::invalid, [] { (void)libsocket::inspect("unix", std::string("\0x", 2)); }));
    CHECK(throws(status::invalid, [] { (void)libsocket::list(std::string("\0x", 2)); }));
    CHECK(libsocket::list().size() == 0);
}

static void test_conversions()
{
    CHECK(libsocket::version() == LIBSOCKET_VERSION);
    CHECK(libsocket::to_string(status::slow) ==
          libsocket_strerror(LIBSOCKET_E_SLOW));
    const auto settings = libsocket::resolve_settings("unix", "history_size = 3");
    CHECK(settings["history_size"].value_or(0) == 3);
    CHECK(libsocket::resolve_settings()["tcp"].size() > 0);
    CHECK(throws(status::settings, [] { (void)libsocket::resolve_settings("", "x"); }));
    CHECK(throws(status::invalid, [] { (void)libsocket::resolve_settings("", std::string("\0x", 2)); }));
    const auto document = libsocket::json_to_msgpack("{\"a\": [1, null]}");
    CHECK(document["a"][1].kind() == libsocket::value_kind::nil);
    CHECK(libsocket::msgpack_to_json(document.bytes()) == "{\"a\":[1,null]}");
    CHECK(throws(status::bad_message, [] { (void)libsocket::json_to_msgpack("{"); }));
    CHECK(throws(status::bad_message, [] { (void)libsocket::msgpack_to_json("\xc1"); }));
}

int main(int argc, char **argv)
{
    const test_directory directory;
    if (argc == 2)
        end_by_exception(argv[1]);
    RUN(test_exchange);
    RUN(test_message_fields);
    RUN(test_many_and_queue);
    RUN(test_waiting);
    RUN(test_ownership);
    RUN(test_callbacks);
    RUN(test_failed_open);
    RUN(test_close_inside);
    RUN(test_exceptions);
    for (const char *handler : {"no", "throwing"}) {
        check_begin("test_uncaught");
        test_uncaught(handler);
        check_end();
    }
    RUN(test_what_runs);
    RUN(test_conversions);
    return check_report();
}
