/*
 * libsocket.hpp - libsocket.h for C++17: handles that close themselves,
 * callbacks that are std::function, text and data as std::string_view.
 *
 *   auto server = libsocket::server::open("unix", "progress");
 *   server.send(libsocket::writer().map().put("percent", 25).end());
 *
 *   auto client = libsocket::client::open("unix", "progress",
 *                                         "wait_for_server = true");
 *   for (libsocket::event event : client.receive())
 *       if (event.kind() == libsocket::event_kind::message)
 *           show(event.payload()["percent"].value_or(0.0));
 *
 * It holds nothing but what C++ adds; what a function does, which statuses it
 * may give and which threads may call it stands in libsocket.h beside the C
 * function of its name. Nothing of it is compiled into the library.
 *
 * HANDLES
 *   A server or client is open as long as its object has not been closed,
 *   released or moved from, and its destructor closes it: that writes what was
 *   sent, for at most the setting "linger", and waits for a running callback.
 *   Inside a callback, of whatever handle, it waits for none: one of its own
 *   may still run, and only the event closed says that it is over. A server_ref or client_ref is a copy of
 *   the handle, with the same functions: it closes nothing, and after the
 *   close its functions give status::bad_handle.
 *
 * ERRORS
 *   What fails throws a libsocket::error, which has the status as code() and
 *   the exact sentence as what(). Those who would rather look than catch use
 *   libsocket::results::server and ::client: there a function that gives a T
 *   gives a libsocket::result<T>, and nothing is thrown but std::bad_alloc.
 *   With -fno-exceptions all of them are of that kind. A receive that the time
 *   or a signal handler has ended is no error, and gives no events.
 *
 * CALLBACKS
 *   A callback gets a reference to its handle and the events, on a thread of
 *   the library. It may call every function and close any handle. It is
 *   destroyed, with all that it owns, after the event closed, or by an open
 *   that fails. An exception that leaves it does not reach the library: it is
 *   handed to the exception handler that was given to open, and the events of
 *   that call count as taken. Without a handler, and when one leaves the
 *   handler too, the program ends by std::terminate, as for a std::thread.
 *
 * MEMORY
 *   Text and data of an event point into the block of its receive, and within
 *   a callback are valid until it returns. A received_events may be kept as
 *   long as wanted. In what is handed in, text may not contain NUL.
 */
#ifndef LIBSOCKET_HPP
#define LIBSOCKET_HPP

#include "libsocket_payload.hpp"

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libsocket_error.hpp"
#include "libsocket_event.hpp"

namespace libsocket {
inline namespace LIBSOCKET_NAMESPACE_ {

/* How long to wait; `forever` is without end, and so is whatever is negative
 * or longer than 24 days. */
using timeout = std::chrono::milliseconds;
inline constexpr timeout forever{-1};

inline int timeout_ms_(timeout t) noexcept
{
    constexpr timeout longest{std::numeric_limits<int>::max()};
    return t < timeout::zero() || t > longest ? -1
                                              : static_cast<int>(t.count());
}

template <class Errors, class T>
typename Errors::template of<T> text_error_()
{
    return Errors::template fail<T>(
        error(status::invalid, "text may not contain NUL"));
}

/* Takes what leaves a callback, with std::current_exception() as argument, on
 * the callback's thread. */
using exception_handler = std::function<void(std::exception_ptr)>;

/* A callback, for as long as the library may call it. */
template <class Ref>
class subscription_ {
public:
    using callback = std::function<void(Ref, events)>;

    subscription_(callback on_events, exception_handler on_exception)
        : on_events_(std::move(on_events)),
          on_exception_(std::move(on_exception))
    {
    }

    /* Opens a handle by open(&handle, callback, user): the library owns a
     * share of the subscription until it has given the last event. */
    template <class Open>
    static int start(typename Ref::handle_type &handle, callback on_events,
                     exception_handler on_exception, Open open)
    {
        auto shared = std::make_shared<subscription_>(
            std::move(on_events), std::move(on_exception));
        shared->self_ = shared;
        const int code = open(&shared->handle_, &deliver, shared.get());
        if (code != LIBSOCKET_OK)
            shared->self_.reset();
        handle = shared->handle_;
        return code;
    }

private:
    static void deliver(const libsocket_event *raw, std::size_t count,
                        void *user) noexcept
    {
        auto *subscription = static_cast<subscription_ *>(user);
        std::shared_ptr<subscription_> last;
        if (raw[count - 1].kind == LIBSOCKET_EVENT_CLOSED)
            last = std::move(subscription->self_);
        subscription->call(events(raw, count));
    }

    void call(events batch)
    {
#if LIBSOCKET_EXCEPTIONS_
        /* Where nobody handles it, std::terminate runs where it was thrown. */
        if (on_exception_) {
            try {
                on_events_(Ref(handle_), batch);
            } catch (...) {
                on_exception_(std::current_exception());
            }
            return;
        }
#endif
        on_events_(Ref(handle_), batch);
    }

    typename Ref::handle_type handle_{};
    callback on_events_;
    exception_handler on_exception_;
    std::shared_ptr<subscription_> self_;
};

/* What servers and clients have in common, over the C functions in Api. */
template <class Api, class Errors>
class basic_ref_ {
public:
    using handle_type = typename Api::handle_type;
    template <class T>
    using of = typename Errors::template of<T>;

    constexpr basic_ref_() noexcept = default;
    constexpr explicit basic_ref_(handle_type handle) noexcept
        : handle_(handle)
    {
    }

    /* The handle of libsocket.h; its id is 0 when there is none. */
    constexpr handle_type get() const noexcept { return handle_; }
    constexpr explicit operator bool() const noexcept
    {
        return handle_.id != 0;
    }

    of<void> close() const { return outcome_<Errors>(Api::close(handle_)); }

    of<void> send(const message &m) const
    {
        if (!m.is_text())
            return text_error_<Errors, void>();
        const libsocket_message raw = m.raw();
        return outcome_<Errors>(Api::send(handle_, &raw));
    }
    /* Sends in order; `sent`, if given, is set to how many were. */
    of<void> send_many(const std::vector<message> &messages,
                       std::size_t *sent = nullptr) const
    {
        std::vector<libsocket_message> raw;
        raw.reserve(messages.size());
        for (const message &m : messages) {
            if (!m.is_text())
                break;
            raw.push_back(m.raw());
        }
        std::size_t done = 0;
        const int code =
            raw.empty() ? LIBSOCKET_OK
                        : Api::send_many(&done, handle_, raw.data(),
                                         raw.size());
        if (sent != nullptr)
            *sent = done;
        if (code == LIBSOCKET_OK && raw.size() < messages.size())
            return text_error_<Errors, void>();
        return outcome_<Errors>(code);
    }
    /* Sends the messages of one MessagePack document, see libsocket.h. */
    of<void> send_packed(std::string_view messages,
                         std::size_t *sent = nullptr) const
    {
        return outcome_<Errors>(Api::send_packed(
            sent, handle_, messages.data(), messages.size()));
    }

    /* Takes up to `max` events (0: as many as the library thinks good); none
     * when the time has passed or a signal handler has run. */
    of<received_events> receive(timeout t = forever, std::size_t max = 0) const
    {
        libsocket_event *block = nullptr;
        std::size_t count = 0;
        const int code =
            Api::receive(&block, &count, handle_, max, timeout_ms_(t));
        return outcome_<Errors, received_events>(
            awaited(code), [&] { return received_events(block, count); });
    }
    /* The same as one MessagePack document, empty when there are none. */
    of<document> receive_packed(timeout t = forever, std::size_t max = 0) const
    {
        void *block = nullptr;
        std::size_t size = 0;
        const int code =
            Api::receive_packed(&block, &size, handle_, max, timeout_ms_(t));
        return outcome_<Errors, document>(
            awaited(code), [&] { return document(block, size); });
    }
    /* Waits for what receive would take: false when the time has passed or
     * a signal handler has run. */
    of<bool> wait_events(timeout t = forever) const
    {
        const int code = Api::wait_events(handle_, timeout_ms_(t));
        return outcome_<Errors, bool>(
            awaited(code), [&] { return code == LIBSOCKET_OK; });
    }
    of<int> fd() const
    {
        const int code = Api::fd(handle_);
        return outcome_<Errors, int>(code, [&] { return code; });
    }

protected:
    /* The time that has passed and a signal are none of our errors. */
    static int awaited(int code) noexcept
    {
        return code == LIBSOCKET_E_TIMEOUT || code == LIBSOCKET_E_INTERRUPTED
                   ? LIBSOCKET_OK
                   : code;
    }
    /* Calls get(&block, &size) for a document. */
    template <class Get>
    static of<document> document_of(Get get)
    {
        void *block = nullptr;
        std::size_t size = 0;
        const int code = get(&block, &size);
        return outcome_<Errors, document>(
            code, [&] { return document(block, size); });
    }
    template <class Get>
    static of<std::size_t> count_of(Get get)
    {
        std::size_t count = 0;
        const int code = get(&count);
        return outcome_<Errors, std::size_t>(code, [&] { return count; });
    }

    handle_type handle_{};
};

/* The owner of a handle: a Ref that closes it. */
template <class Ref, class Api, class Errors>
class basic_owner_ : public Ref {
public:
    using ref = Ref;
    using handle_type = typename Api::handle_type;
    using callback = typename subscription_<Ref>::callback;

    /* None: its functions give status::bad_handle. */
    basic_owner_() noexcept = default;
    /* Takes over an open handle of libsocket.h. */
    explicit basic_owner_(handle_type handle) noexcept : Ref(handle) {}
    basic_owner_(basic_owner_ &&other) noexcept : Ref(other.release()) {}
    basic_owner_ &operator=(basic_owner_ &&other) noexcept
    {
        if (this != &other) {
            shut();
            this->handle_ = other.release();
        }
        return *this;
    }
    basic_owner_(const basic_owner_ &) = delete;
    basic_owner_ &operator=(const basic_owner_ &) = delete;
    ~basic_owner_() { shut(); }

    /* Gives the handle away, without closing it. */
    handle_type release() noexcept
    {
        const handle_type handle = this->handle_;
        this->handle_ = handle_type{};
        return handle;
    }

protected:
    template <class Owner>
    static typename Errors::template of<Owner>
    open_(const std::string &transport, const std::string &event,
          const std::string &settings, std::uint32_t flags, callback on_events,
          exception_handler on_exception)
    {
        if (!is_text(transport) || !is_text(event) || !is_text(settings))
            return text_error_<Errors, Owner>();
        const auto open = [&](handle_type *handle, libsocket_callback deliver,
                              void *user) {
            return Api::open(handle, transport.c_str(), event.c_str(),
                             settings.c_str(), flags, deliver, user);
        };
        handle_type handle{};
        const int code =
            on_events ? subscription_<Ref>::start(
                            handle, std::move(on_events),
                            std::move(on_exception), open)
                      : open(&handle, nullptr, nullptr);
        return outcome_<Errors, Owner>(code, [&] { return Owner(handle); });
    }

private:
    void shut() noexcept
    {
        if (*this)
            Api::close(release());
    }
};

/* ---- Servers ------------------------------------------------------------ */

struct server_api_ {
    using handle_type = libsocket_server;
    static constexpr auto open = libsocket_server_open;
    static constexpr auto close = libsocket_server_close;
    static constexpr auto send = libsocket_server_send;
    static constexpr auto send_many = libsocket_server_send_many;
    static constexpr auto send_packed = libsocket_server_send_packed;
    static constexpr auto receive = libsocket_server_receive;
    static constexpr auto receive_packed = libsocket_server_receive_packed;
    static constexpr auto wait_events = libsocket_server_wait_events;
    static constexpr auto fd = libsocket_server_fd;
};

template <class Errors>
class basic_server_ref : public basic_ref_<server_api_, Errors> {
    using base = basic_ref_<server_api_, Errors>;

protected:
    using base::handle_;

public:
    template <class T>
    using of = typename base::template of<T>;
    using base::base;

    of<void> announce_restart() const
    {
        return outcome_<Errors>(libsocket_server_announce_restart(handle_));
    }
    of<void> end_sending() const
    {
        return outcome_<Errors>(libsocket_server_end_sending(handle_));
    }
    of<void> send_to(std::uint64_t client, const message &m) const
    {
        if (!m.is_text())
            return text_error_<Errors, void>();
        const libsocket_message raw = m.raw();
        return outcome_<Errors>(
            libsocket_server_send_to(handle_, client, &raw));
    }
    /* The connected clients, in the order they joined. */
    of<std::vector<client_info>> clients() const
    {
        libsocket_client_info *block = nullptr;
        std::size_t count = 0;
        const int code = libsocket_server_clients(&block, &count, handle_);
        const unique_block owned(block);
        return outcome_<Errors, std::vector<client_info>>(code, [&] {
            return std::vector<client_info>(block, block + count);
        });
    }
    /* Whether at least `count` clients are there: false when the time has
     * passed or a signal handler has run. */
    of<bool> wait_clients(std::size_t count, timeout t = forever) const
    {
        const int code =
            libsocket_server_wait_clients(handle_, count, timeout_ms_(t));
        return outcome_<Errors, bool>(
            base::awaited(code), [&] { return code == LIBSOCKET_OK; });
    }
    of<std::string> address() const
    {
        char *block = nullptr;
        const int code = libsocket_server_address(&block, handle_);
        const unique_block owned(block);
        return outcome_<Errors, std::string>(
            code, [&] { return std::string(block); });
    }
    of<std::size_t> queue_length() const
    {
        return base::count_of([&](std::size_t *count) {
            return libsocket_server_queue_length(count, handle_);
        });
    }
    of<void> queue_clear() const
    {
        return outcome_<Errors>(libsocket_server_queue_clear(handle_));
    }
    of<document> queue_take() const
    {
        return base::document_of([&](void **block, std::size_t *size) {
            return libsocket_server_queue_take(block, size, handle_);
        });
    }
    of<document> stats() const
    {
        return base::document_of([&](void **block, std::size_t *size) {
            return libsocket_server_stats(block, size, handle_);
        });
    }
};

template <class Errors>
class basic_server
    : public basic_owner_<basic_server_ref<Errors>, server_api_, Errors> {
    using base = basic_owner_<basic_server_ref<Errors>, server_api_, Errors>;

public:
    using typename base::callback;
    using base::base;

    /* Without a callback. `flags` are LIBSOCKET_PULL, which keeps events for
     * receive, and LIBSOCKET_HOLD. */
    static typename Errors::template of<basic_server>
    open(const std::string &transport, const std::string &event,
         const std::string &settings = {}, std::uint32_t flags = 0)
    {
        return base::template open_<basic_server>(transport, event, settings,
                                                  flags, {}, {});
    }
    static typename Errors::template of<basic_server>
    open(const std::string &transport, const std::string &event,
         const std::string &settings, callback on_events,
         exception_handler on_exception = {}, std::uint32_t flags = 0)
    {
        return base::template open_<basic_server>(
            transport, event, settings, flags, std::move(on_events),
            std::move(on_exception));
    }
};

/* ---- Clients ------------------------------------------------------------ */

struct client_api_ {
    using handle_type = libsocket_client;
    static constexpr auto open = libsocket_client_open;
    static constexpr auto close = libsocket_client_close;
    static constexpr auto send = libsocket_client_send;
    static constexpr auto send_many = libsocket_client_send_many;
    static constexpr auto send_packed = libsocket_client_send_packed;
    static constexpr auto receive = libsocket_client_receive;
    static constexpr auto receive_packed = libsocket_client_receive_packed;
    static constexpr auto wait_events = libsocket_client_wait_events;
    static constexpr auto fd = libsocket_client_fd;
};

template <class Errors>
class basic_client_ref : public basic_ref_<client_api_, Errors> {
    using base = basic_ref_<client_api_, Errors>;

protected:
    using base::handle_;

public:
    template <class T>
    using of = typename base::template of<T>;
    using base::base;

    of<bool> connected() const
    {
        const int code = libsocket_client_connected(handle_);
        return outcome_<Errors, bool>(code, [&] { return code == 1; });
    }
    of<std::size_t> buffered() const
    {
        return base::count_of([&](std::size_t *count) {
            return libsocket_client_buffered(count, handle_);
        });
    }
    of<void> buffer_clear() const
    {
        return outcome_<Errors>(libsocket_client_buffer_clear(handle_));
    }
};

template <class Errors>
class basic_client
    : public basic_owner_<basic_client_ref<Errors>, client_api_, Errors> {
    using base = basic_owner_<basic_client_ref<Errors>, client_api_, Errors>;

public:
    using typename base::callback;
    using base::base;

    /* A client that is pulled, by receive. */
    static typename Errors::template of<basic_client>
    open(const std::string &transport, const std::string &event,
         const std::string &settings = {})
    {
        return base::template open_<basic_client>(transport, event, settings,
                                                  0, {}, {});
    }
    static typename Errors::template of<basic_client>
    open(const std::string &transport, const std::string &event,
         const std::string &settings, callback on_events,
         exception_handler on_exception = {})
    {
        return base::template open_<basic_client>(
            transport, event, settings, 0, std::move(on_events),
            std::move(on_exception));
    }
};

using server = basic_server<default_errors>;
using server_ref = basic_server_ref<default_errors>;
using client = basic_client<default_errors>;
using client_ref = basic_client_ref<default_errors>;

/* The same with results in place of exceptions. */
namespace results {
using server = basic_server<returning>;
using server_ref = basic_server_ref<returning>;
using client = basic_client<returning>;
using client_ref = basic_client_ref<returning>;
} // namespace results

/* ---- What runs ---------------------------------------------------------- */

/* What is known of the server of an event, and of all in socket_dir. */
template <class Errors = default_errors>
typename Errors::template of<document>
inspect(const std::string &transport, const std::string &event,
        const std::string &settings = {})
{
    if (!is_text(transport) || !is_text(event) || !is_text(settings))
        return text_error_<Errors, document>();
    void *block = nullptr;
    std::size_t size = 0;
    const int code = libsocket_inspect(&block, &size, transport.c_str(),
                                       event.c_str(), settings.c_str());
    return outcome_<Errors, document>(
        code, [&] { return document(block, size); });
}

template <class Errors = default_errors>
typename Errors::template of<document> list(const std::string &settings = {})
{
    if (!is_text(settings))
        return text_error_<Errors, document>();
    void *block = nullptr;
    std::size_t size = 0;
    const int code = libsocket_list(&block, &size, settings.c_str());
    return outcome_<Errors, document>(
        code, [&] { return document(block, size); });
}

/* ---- Settings and conversions ------------------------------------------- */

/* The version of the library that is loaded. */
inline std::string_view version() noexcept
{
    return libsocket_version();
}

/* The sentence for a status; error::what() says more. */
inline std::string_view to_string(status code) noexcept
{
    return libsocket_strerror(static_cast<int>(code));
}

/* The settings that an open would use, as a map. */
template <class Errors = default_errors>
typename Errors::template of<document>
resolve_settings(const std::string &transport = {},
                 const std::string &settings = {})
{
    if (!is_text(transport) || !is_text(settings))
        return text_error_<Errors, document>();
    void *block = nullptr;
    std::size_t size = 0;
    const char *const name = transport.empty() ? nullptr : transport.c_str();
    const int code =
        libsocket_settings(&block, &size, name, settings.c_str());
    return outcome_<Errors, document>(
        code, [&] { return document(block, size); });
}

template <class Errors = default_errors>
typename Errors::template of<document> json_to_msgpack(std::string_view json)
{
    void *block = nullptr;
    std::size_t size = 0;
    const int code = libsocket_json_to_msgpack(&block, &size, json.data(),
                                               json.size());
    return outcome_<Errors, document>(
        code, [&] { return document(block, size); });
}

template <class Errors = default_errors>
typename Errors::template of<std::string>
msgpack_to_json(std::string_view data)
{
    char *block = nullptr;
    const int code =
        libsocket_msgpack_to_json(&block, data.data(), data.size());
    const unique_block owned(block);
    return outcome_<Errors, std::string>(
        code, [&] { return std::string(block); });
}

} // namespace LIBSOCKET_NAMESPACE_
} // namespace libsocket

#endif
