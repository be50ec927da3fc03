/*
 * libsocket_payload.hpp - building and reading the data of a message in C++17.
 *
 * A thin layer over libsocket_payload.h, whose promises hold here too.
 *
 *   libsocket::writer w;
 *   w.map().put("step", "hashing").put("progress", 33.3).end();
 *   server.send(w);
 *
 *   libsocket::value data = event.payload();
 *   std::string_view step = data["step"].value_or("?");
 *   double progress = data["progress"].value_or(0.0);
 *   for (const auto &[key, item] : data["files"])
 *       ...
 *
 * A writer grows as needed, and keeps its first mistake: what it gives then is
 * not valid, and a send refuses it. Views that a value gives point into the
 * bytes it was read from.
 */
#ifndef LIBSOCKET_PAYLOAD_HPP
#define LIBSOCKET_PAYLOAD_HPP

#if !defined(__cplusplus) || __cplusplus < 201703L
#error "the C++ headers of libsocket need C++17"
#endif

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "libsocket_payload.h"

namespace libsocket {
inline namespace v0 {

/* What a value is. */
enum class value_kind : int {
    none = LIBSOCKET_KIND_NONE, /* absent or malformed */
    nil = LIBSOCKET_KIND_NIL,
    boolean = LIBSOCKET_KIND_BOOL,
    integer = LIBSOCKET_KIND_INT,
    floating = LIBSOCKET_KIND_DOUBLE,
    text = LIBSOCKET_KIND_STR,
    binary = LIBSOCKET_KIND_BIN,
    array = LIBSOCKET_KIND_ARRAY,
    map = LIBSOCKET_KIND_MAP,
    extension = LIBSOCKET_KIND_EXT,
};

/* One MessagePack value where it lies; the default one is absent. Lookups in
 * what is absent, malformed or of another kind give the absent value. */
class value {
public:
    class iterator;
    struct entry;

    value() noexcept : value(std::string_view()) {}
    explicit value(std::string_view bytes) noexcept
        : raw_(libsocket_payload(bytes.data(), bytes.size()))
    {
    }
    explicit value(libsocket_value raw) noexcept : raw_(raw) {}

    value_kind kind() const noexcept
    {
        return static_cast<value_kind>(libsocket_kind(raw_));
    }
    /* Whether there is a value; nil is one. */
    explicit operator bool() const noexcept
    {
        return kind() != value_kind::none;
    }

    /* The value of a key of a map; of two that are the same, the last. */
    value operator[](std::string_view key) const noexcept
    {
        return value(libsocket_get_n_(raw_, key.data(), key.size()));
    }
    value operator[](const char *key) const noexcept
    {
        return (*this)[std::string_view(key)];
    }
    /* The value at an index of an array. */
    value operator[](std::size_t index) const noexcept
    {
        return value(libsocket_at(raw_, index));
    }
    value operator[](int index) const noexcept
    {
        return index < 0 ? value() : (*this)[static_cast<std::size_t>(index)];
    }
    /* The value behind keys and indexes, like "job/files/0/name". */
    value find(const std::string &path) const noexcept
    {
        return value(libsocket_find(raw_, path.c_str()));
    }

    /* Entries of a map or values of an array, else 0. */
    std::size_t size() const noexcept { return libsocket_count(raw_); }

    /*
     * The value as the type of the fallback, or the fallback when it is
     * something else: bool; a number that the type holds exactly (a floating
     * type rounds); std::string_view or std::string for UTF-8 text.
     */
    template <class T>
    T value_or(T fallback) const
    {
        if constexpr (std::is_same_v<T, bool>)
            return libsocket_as_bool(raw_, fallback);
        else if constexpr (std::is_floating_point_v<T>)
            return static_cast<T>(
                libsocket_as_double(raw_, static_cast<double>(fallback)));
        else if constexpr (std::is_integral_v<T>)
            return whole_or(fallback);
        else
            return text_or(std::move(fallback));
    }
    std::string_view value_or(const char *fallback) const noexcept
    {
        return text_or(std::string_view(fallback));
    }

    /* The bytes of binary or text, none for anything else. */
    std::string_view bytes() const noexcept
    {
        return view(libsocket_as_bytes(raw_));
    }
    /* The MessagePack of the whole value, none when it is malformed. */
    std::string_view encoded() const noexcept
    {
        return view(libsocket_encoded(raw_));
    }

    /* Goes over the entries of a map or an array; anything else has none. */
    iterator begin() const noexcept;
    iterator end() const noexcept;

    const libsocket_value &raw() const noexcept { return raw_; }

private:
    static std::string_view view(libsocket_bytes bytes) noexcept
    {
        return {reinterpret_cast<const char *>(bytes.data), bytes.size};
    }

    template <class T>
    T whole_or(T fallback) const noexcept
    {
        using limits = std::numeric_limits<T>;
        if constexpr (std::is_signed_v<T>) {
            const std::int64_t number = libsocket_as_int(raw_, fallback);
            return number < limits::min() || number > limits::max()
                       ? fallback
                       : static_cast<T>(number);
        } else {
            const std::uint64_t number = libsocket_as_uint(raw_, fallback);
            return number > limits::max() ? fallback : static_cast<T>(number);
        }
    }

    template <class T>
    T text_or(T fallback) const
    {
        const libsocket_text text = libsocket_as_text(raw_, nullptr);
        return text.data == nullptr ? fallback : T(text.data, text.size);
    }

    libsocket_value raw_;
};

/* An entry of a map, or of an array, where the key is absent. */
struct value::entry {
    value key;
    value item;
};

class value::iterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = entry;
    using difference_type = std::ptrdiff_t;
    using pointer = const entry *;
    using reference = entry;

    iterator() = default;

    entry operator*() const noexcept
    {
        return {value(walk_.key), value(walk_.value)};
    }
    iterator &operator++() noexcept
    {
        more_ = libsocket_next(&walk_);
        return *this;
    }
    void operator++(int) noexcept { ++*this; }
    friend bool operator==(const iterator &a, const iterator &b) noexcept
    {
        return a.more_ == b.more_ &&
               (!a.more_ || a.walk_.left == b.walk_.left);
    }
    friend bool operator!=(const iterator &a, const iterator &b) noexcept
    {
        return !(a == b);
    }

private:
    friend class value;
    explicit iterator(libsocket_value over) noexcept
        : walk_(libsocket_iterate(over))
    {
        ++*this;
    }

    libsocket_iterator walk_{};
    bool more_ = false;
};

inline value::iterator value::begin() const noexcept
{
    return iterator(raw_);
}
inline value::iterator value::end() const noexcept
{
    return iterator();
}

/* Builds one MessagePack value. */
class writer {
public:
    writer() { libsocket_writer_init(&raw_, nullptr, 0); }
    writer(const writer &) = delete;
    writer &operator=(const writer &) = delete;
    writer(writer &&other) noexcept { take(other); }
    writer &operator=(writer &&other) noexcept
    {
        if (this != &other)
            take(other);
        return *this;
    }
    ~writer() = default;

    /* Begins a map (keys and values follow in turn) or an array; end() ends
     * the one that was begun last. */
    writer &map()
    {
        room(1);
        libsocket_write_map(&raw_);
        return *this;
    }
    writer &array()
    {
        room(1);
        libsocket_write_array(&raw_);
        return *this;
    }
    writer &end()
    {
        room(4);
        libsocket_write_end(&raw_);
        return *this;
    }

    /* Adds nil, a bool, a number, or UTF-8 text; a null pointer is nil. */
    template <class T>
    writer &add(const T &item)
    {
        room(number_room);
        if constexpr (std::is_same_v<T, bool>)
            libsocket_write_bool(&raw_, item);
        else if constexpr (std::is_null_pointer_v<T>)
            libsocket_write_nil(&raw_);
        else if constexpr (std::is_floating_point_v<T>)
            libsocket_write_double(&raw_, static_cast<double>(item));
        else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>)
            libsocket_write_int(&raw_, item);
        else if constexpr (std::is_integral_v<T>)
            libsocket_write_uint(&raw_, item);
        else if constexpr (std::is_pointer_v<T>)
            item == nullptr ? libsocket_write_nil(&raw_) : text(item);
        else
            text(item);
        return *this;
    }
    writer &add_bin(std::string_view bytes)
    {
        room(bytes.size() + number_room);
        libsocket_write_bin(&raw_, bytes.data(), bytes.size());
        return *this;
    }
    /* Adds one value that is MessagePack already: value::encoded(). */
    writer &add_raw(std::string_view bytes)
    {
        room(bytes.size());
        libsocket_write_raw(&raw_, bytes.data(), bytes.size());
        return *this;
    }

    /* Key and value, in a map. */
    template <class T>
    writer &put(std::string_view key, const T &item)
    {
        return this->key(key).add(item);
    }
    writer &put_bin(std::string_view key, std::string_view bytes)
    {
        return this->key(key).add_bin(bytes);
    }
    writer &put_raw(std::string_view key, std::string_view bytes)
    {
        return this->key(key).add_raw(bytes);
    }
    writer &put_map(std::string_view key) { return this->key(key).map(); }
    writer &put_array(std::string_view key) { return this->key(key).array(); }

    /* The value, once it is complete; before, and after a mistake, no bytes at
     * an address that is not null, which no send takes for a value. */
    std::string_view data() const noexcept
    {
        const std::size_t size = libsocket_writer_size(&raw_);
        if (size == 0)
            return "";
        return {reinterpret_cast<const char *>(buffer_.data()), size};
    }
    /* LIBSOCKET_WRITER_...: the first mistake. */
    int status() const noexcept { return libsocket_writer_status(&raw_); }

    /* Starts anew, with the memory there is. */
    void clear() noexcept
    {
        libsocket_writer_init(&raw_, buffer_.data(), buffer_.size());
    }

private:
    static constexpr std::size_t number_room = 9; /* a first byte, 64 bits */
    static constexpr std::size_t first_room = 256;

    void room(std::size_t size)
    {
        if (size <= raw_.capacity - raw_.size)
            return;
        const std::size_t twice = 2 * buffer_.size();
        const std::size_t least = raw_.size + size;
        buffer_.resize(least < first_room ? first_room
                       : least < twice    ? twice
                                          : least);
        libsocket_writer_move(&raw_, buffer_.data(), buffer_.size());
    }
    writer &key(std::string_view key)
    {
        room(key.size() + number_room);
        libsocket_key_n_(&raw_, key.data(), key.size());
        return *this;
    }
    void text(std::string_view text)
    {
        room(text.size() + number_room);
        libsocket_write_strn(&raw_, text.data(), text.size());
    }
    void take(writer &other) noexcept
    {
        buffer_ = std::move(other.buffer_);
        raw_ = other.raw_;
        other.buffer_.clear();
        other.clear();
    }

    std::vector<unsigned char> buffer_;
    libsocket_writer raw_;
};

} // namespace v0
} // namespace libsocket

#endif
