/* libsocket_event.hpp - what libsocket.hpp sends and receives: messages,
 * events, and the blocks they lie in. */
#ifndef LIBSOCKET_EVENT_HPP
#define LIBSOCKET_EVENT_HPP

#include "libsocket_payload.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

#include "libsocket.h"

namespace libsocket {
inline namespace v0 {

/* What each of these means stands beside its constant in libsocket.h. */
enum class message_type : std::uint32_t {
    data = LIBSOCKET_DATA,
    error = LIBSOCKET_ERROR,
    control = LIBSOCKET_CONTROL,
};

enum class event_kind : std::uint32_t {
    connected = LIBSOCKET_EVENT_CONNECTED,
    disconnected = LIBSOCKET_EVENT_DISCONNECTED,
    message = LIBSOCKET_EVENT_MESSAGE,
    lagged = LIBSOCKET_EVENT_LAGGED,
    synced = LIBSOCKET_EVENT_SYNCED,
    refused = LIBSOCKET_EVENT_REFUSED,
    first_client = LIBSOCKET_EVENT_FIRST_CLIENT,
    last_client = LIBSOCKET_EVENT_LAST_CLIENT,
    log = LIBSOCKET_EVENT_LOG,
    closed = LIBSOCKET_EVENT_CLOSED,
};

enum class end_reason : std::uint32_t {
    none = LIBSOCKET_REASON_NONE,
    closed = LIBSOCKET_REASON_CLOSED,
    stopped = LIBSOCKET_REASON_STOPPED,
    restarting = LIBSOCKET_REASON_RESTARTING,
    eof = LIBSOCKET_REASON_EOF,
    max_connections = LIBSOCKET_REASON_MAX_CONNECTIONS,
    not_allowed = LIBSOCKET_REASON_NOT_ALLOWED,
    slow = LIBSOCKET_REASON_SLOW,
    protocol = LIBSOCKET_REASON_PROTOCOL,
    heartbeat = LIBSOCKET_REASON_HEARTBEAT,
    io = LIBSOCKET_REASON_IO,
    too_large = LIBSOCKET_REASON_TOO_LARGE,
};

enum class log_level : std::int32_t {
    debug = LIBSOCKET_LOG_DEBUG,
    info = LIBSOCKET_LOG_INFO,
    warn = LIBSOCKET_LOG_WARN,
    error = LIBSOCKET_LOG_ERROR,
};

/* "" for NULL. */
inline std::string_view text_(const char *text) noexcept
{
    return text == nullptr ? std::string_view() : std::string_view(text);
}

/* Whether the C side would read all of it. */
inline bool is_text(std::string_view text) noexcept
{
    return text.find('\0') == std::string_view::npos;
}

/* A block of the library's memory. */
struct block_deleter {
    void operator()(void *block) const noexcept { libsocket_free(block); }
};
using unique_block = std::unique_ptr<void, block_deleter>;

/* A MessagePack document that the library has made. It is looked into as a
 * value is; value() and bytes() point into it, and so are not for one that is a
 * temporary. What [] gives of a temporary is gone with the full expression, as
 * in server.stats()["sent"].value_or(0). */
class document {
public:
    document() noexcept = default;
    /* Takes over a block of the library. */
    document(void *block, std::size_t size) noexcept
        : block_(block), size_(size)
    {
    }

    /* Whether there is one: receive_packed may give none. */
    explicit operator bool() const noexcept { return block_ != nullptr; }

    std::string_view bytes() const & noexcept
    {
        return {static_cast<const char *>(block_.get()), size_};
    }
    std::string_view bytes() const && = delete;
    libsocket::value value() const & noexcept
    {
        return libsocket::value(bytes());
    }
    libsocket::value value() const && = delete;

    template <class Key>
    libsocket::value operator[](const Key &key) const noexcept
    {
        return value()[key];
    }
    std::size_t size() const noexcept { return value().size(); }
    libsocket::value::iterator begin() const noexcept
    {
        return value().begin();
    }
    libsocket::value::iterator end() const noexcept { return value().end(); }

private:
    unique_block block_;
    std::size_t size_ = 0;
};

/* A message to send. It refers to its data and does not copy it. Data that is
 * std::string_view() is sent as an empty map. */
struct message {
    message(std::string_view bytes = {},
            message_type of_type = message_type::data)
        : data(bytes), type(of_type)
    {
    }
    message(const writer &w, message_type of_type = message_type::data)
        : message(w.data(), of_type)
    {
    }
    message(const document &d, message_type of_type = message_type::data)
        : message(d.bytes(), of_type)
    {
    }

    std::string_view data; /* one MessagePack value */
    message_type type;
    std::string event_name;        /* "": the event of the handle */
    std::string timestamp_iso;     /* "": from timestamp_ms */
    std::int64_t timestamp_ms = 0; /* Unix time in ms; 0 with no iso: now */
    std::string retain_key;        /* server: keep the newest of this key for
                                      newcomers; "": do not keep */

    bool is_text() const noexcept
    {
        return libsocket::is_text(event_name) &&
               libsocket::is_text(timestamp_iso) &&
               libsocket::is_text(retain_key);
    }
    /* Points into this message. */
    libsocket_message raw() const noexcept
    {
        libsocket_message m{};
        m.type = static_cast<std::uint32_t>(type);
        m.data = data.data();
        m.data_size = data.size();
        m.event_name = event_name.empty() ? nullptr : event_name.c_str();
        m.timestamp_iso =
            timestamp_iso.empty() ? nullptr : timestamp_iso.c_str();
        m.timestamp_ms = timestamp_ms;
        m.retain_key = retain_key.empty() ? nullptr : retain_key.c_str();
        return m;
    }
};

/* One thing that happened: libsocket_event, which says what a kind uses. */
class event {
public:
    explicit event(const libsocket_event &raw) noexcept : raw_(&raw) {}

    event_kind kind() const noexcept
    {
        return static_cast<event_kind>(raw_->kind);
    }
    message_type type() const noexcept
    {
        return static_cast<message_type>(raw_->type);
    }
    end_reason reason() const noexcept
    {
        return static_cast<end_reason>(raw_->reason);
    }
    log_level level() const noexcept
    {
        return static_cast<log_level>(raw_->level);
    }
    bool unicast() const noexcept { return has(LIBSOCKET_UNICAST); }
    bool retained() const noexcept { return has(LIBSOCKET_RETAINED); }
    std::int64_t timestamp_ms() const noexcept { return raw_->timestamp_ms; }
    std::uint64_t seq() const noexcept { return raw_->seq; }
    std::uint64_t count() const noexcept { return raw_->count; }
    std::uint64_t client() const noexcept { return raw_->client; }
    std::string_view event_name() const noexcept
    {
        return text_(raw_->event_name);
    }
    std::string_view timestamp_iso() const noexcept
    {
        return text_(raw_->timestamp_iso);
    }
    std::string_view address() const noexcept { return text_(raw_->address); }
    std::string_view text() const noexcept { return text_(raw_->text); }
    /* The data of a message as MessagePack, and as a value to look into. */
    std::string_view data() const noexcept
    {
        return {static_cast<const char *>(raw_->data), raw_->data_size};
    }
    value payload() const noexcept { return value(data()); }

    const libsocket_event &raw() const noexcept { return *raw_; }

private:
    bool has(std::uint32_t flag) const noexcept
    {
        return (raw_->flags & flag) != 0;
    }

    const libsocket_event *raw_;
};

/* Events in a row, which somebody else owns. */
class events {
public:
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = event;
        using difference_type = std::ptrdiff_t;
        using pointer = const event *;
        using reference = event;

        iterator() = default;
        explicit iterator(const libsocket_event *at) noexcept : at_(at) {}
        event operator*() const noexcept { return event(*at_); }
        iterator &operator++() noexcept
        {
            ++at_;
            return *this;
        }
        iterator operator++(int) noexcept { return iterator(at_++); }
        friend bool operator==(iterator a, iterator b) noexcept
        {
            return a.at_ == b.at_;
        }
        friend bool operator!=(iterator a, iterator b) noexcept
        {
            return a.at_ != b.at_;
        }

    private:
        const libsocket_event *at_ = nullptr;
    };

    events() noexcept = default;
    events(const libsocket_event *raw, std::size_t count) noexcept
        : raw_(raw), count_(count)
    {
    }

    iterator begin() const noexcept { return iterator(raw_); }
    iterator end() const noexcept { return iterator(raw_ + count_); }
    std::size_t size() const noexcept { return count_; }
    bool empty() const noexcept { return count_ == 0; }
    event operator[](std::size_t index) const noexcept
    {
        return event(raw_[index]);
    }

private:
    const libsocket_event *raw_ = nullptr;
    std::size_t count_ = 0;
};

/* Events together with the block that they lie in. */
class received_events : public events {
public:
    received_events() noexcept = default;
    /* Takes over a block of the library. */
    received_events(libsocket_event *block, std::size_t count) noexcept
        : events(block, count), block_(block)
    {
    }
    received_events(received_events &&other) noexcept { *this = std::move(other); }
    received_events &operator=(received_events &&other) noexcept
    {
        block_ = std::move(other.block_);
        static_cast<events &>(*this) = other;
        static_cast<events &>(other) = events();
        return *this;
    }

private:
    unique_block block_;
};

/* What a server knows of a client; pid is 0, uid and gid are -1 where the
 * transport does not tell. */
struct client_info {
    client_info(const libsocket_client_info &raw)
        : client(raw.client), connected_at_ms(raw.connected_at_ms),
          pid(raw.pid), uid(raw.uid), gid(raw.gid),
          address(text_(raw.address)), name(text_(raw.name)),
          delivered(raw.delivered), missed(raw.missed), backlog(raw.backlog)
    {
    }

    std::uint64_t client;
    std::int64_t connected_at_ms; /* Unix time in milliseconds */
    std::int64_t pid;
    std::int64_t uid;
    std::int64_t gid;
    std::string address;
    std::string name; /* "" for an old client */
    /* Broadcasts since it joined: handed to its connection, missed by it, and
     * waiting for it. */
    std::uint64_t delivered;
    std::uint64_t missed;
    std::uint64_t backlog;
};

} // namespace v0
} // namespace libsocket

#endif
