/* libsocket_error.hpp - how libsocket.hpp tells that a call has failed:
 * ERRORS in libsocket.hpp. */
#ifndef LIBSOCKET_ERROR_HPP
#define LIBSOCKET_ERROR_HPP

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include "libsocket.h"

/* Code with and without exceptions may be linked together. */
#if defined(__cpp_exceptions)
#define LIBSOCKET_EXCEPTIONS_ 1
#define LIBSOCKET_NAMESPACE_ v0
#else
#define LIBSOCKET_EXCEPTIONS_ 0
#define LIBSOCKET_NAMESPACE_ v0_noexcept
#endif

namespace libsocket {
inline namespace LIBSOCKET_NAMESPACE_ {

/* LIBSOCKET_OK and LIBSOCKET_E_... of libsocket.h, where they are explained. */
enum class status : int {
    ok = LIBSOCKET_OK,
    internal = LIBSOCKET_E_INTERNAL,
    invalid = LIBSOCKET_E_INVALID,
    settings = LIBSOCKET_E_SETTINGS,
    bad_handle = LIBSOCKET_E_BAD_HANDLE,
    closed = LIBSOCKET_E_CLOSED,
    not_connected = LIBSOCKET_E_NOT_CONNECTED,
    unknown_client = LIBSOCKET_E_UNKNOWN_CLIENT,
    timeout = LIBSOCKET_E_TIMEOUT,
    interrupted = LIBSOCKET_E_INTERRUPTED,
    too_large = LIBSOCKET_E_TOO_LARGE,
    bad_message = LIBSOCKET_E_BAD_MESSAGE,
    max_connections = LIBSOCKET_E_MAX_CONNECTIONS,
    in_use = LIBSOCKET_E_IN_USE,
    no_port = LIBSOCKET_E_NO_PORT,
    not_allowed = LIBSOCKET_E_NOT_ALLOWED,
    no_server = LIBSOCKET_E_NO_SERVER,
    protocol = LIBSOCKET_E_PROTOCOL,
    io = LIBSOCKET_E_IO,
    no_memory = LIBSOCKET_E_NO_MEMORY,
    forked = LIBSOCKET_E_FORKED,
    slow = LIBSOCKET_E_SLOW,
};

/* A failed call: its status, and in what() the sentence that names the event,
 * the file or the bound. */
class error : public std::runtime_error {
public:
    error(status code, const std::string &text)
        : std::runtime_error(text), code_(code)
    {
    }

    /* The failure that the calling thread has just had. */
    static error last(int code)
    {
        return error(static_cast<status>(code), libsocket_last_error());
    }

    status code() const noexcept { return code_; }

private:
    status code_;
};

/*
 * A T, or the error that came instead: what a subset of std::expected is.
 * Look before you take: *result without a value is undefined. A result that
 * is a temporary gives its value away, so `for (auto e : *client.receive())`
 * is safe.
 */
template <class T>
class [[nodiscard]] result {
public:
    result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
    result(libsocket::error e) : held_(std::in_place_index<1>, std::move(e)) {}

    bool has_value() const noexcept { return held_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    T &operator*() & noexcept { return *std::get_if<0>(&held_); }
    const T &operator*() const & noexcept { return *std::get_if<0>(&held_); }
    T operator*() && { return std::move(*std::get_if<0>(&held_)); }
    T *operator->() noexcept { return std::get_if<0>(&held_); }
    const T *operator->() const noexcept { return std::get_if<0>(&held_); }

    T value_or(T fallback) const &
    {
        return has_value() ? **this : std::move(fallback);
    }
    T value_or(T fallback) &&
    {
        return has_value() ? *std::move(*this) : std::move(fallback);
    }

    /* Only when there is no value. */
    const libsocket::error &error() const noexcept
    {
        return *std::get_if<1>(&held_);
    }

    status code() const noexcept
    {
        return has_value() ? status::ok : error().code();
    }

private:
    std::variant<T, libsocket::error> held_;
};

template <>
class [[nodiscard]] result<void> {
public:
    result() = default;
    result(libsocket::error e) : error_(std::move(e)) {}

    bool has_value() const noexcept { return !error_; }
    explicit operator bool() const noexcept { return has_value(); }
    const libsocket::error &error() const noexcept { return *error_; }
    status code() const noexcept
    {
        return has_value() ? status::ok : error().code();
    }

private:
    std::optional<libsocket::error> error_;
};

/* The two ways to tell, for the template argument of what takes one: a way
 * has the type `of` that a function gives for a T, and `fail` that makes it of
 * an error. */
struct returning {
    template <class T>
    using of = result<T>;

    template <class T>
    static result<T> fail(error e)
    {
        return result<T>(std::move(e));
    }
};

#if LIBSOCKET_EXCEPTIONS_
struct throwing {
    template <class T>
    using of = T;

    template <class T>
    [[noreturn]] static T fail(error e)
    {
        throw e;
    }
};
using default_errors = throwing;
#else
using default_errors = returning;
#endif

/* Turns the status of a C function into what a function gives: `make()` of a
 * success. */
template <class Errors, class T, class Make>
typename Errors::template of<T> outcome_(int code, Make make)
{
    if (code < 0)
        return Errors::template fail<T>(error::last(code));
    return make();
}

template <class Errors>
typename Errors::template of<void> outcome_(int code)
{
    if (code < 0)
        return Errors::template fail<void>(error::last(code));
    return typename Errors::template of<void>();
}

} // namespace LIBSOCKET_NAMESPACE_
} // namespace libsocket

#endif
