// cpp_support.hpp - what the tests of the C++ headers share: a directory of
// their own for the sockets, and waiting with a bound on the whole test.
#ifndef CPP_SUPPORT_HPP
#define CPP_SUPPORT_HPP

#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>

#include <unistd.h>

#include "check.h"
#include "libsocket.hpp"

// A test that hangs is ended by SIGALRM after so many seconds.
constexpr unsigned test_seconds = 300;

// The directory of the sockets, which is also the home.
class test_directory {
public:
    test_directory()
    {
        setvbuf(stdout, nullptr, _IOLBF, 0);
        check_need(mkdtemp(path_.data()) != nullptr, "no temporary directory");
        setenv("HOME", path_.c_str(), 1);
        setenv("SOCKET__SOCKET_DIR", path_.c_str(), 1);
        unsetenv("XDG_CONFIG_HOME");
        unsetenv("SOCKET_SETTINGS_FILE");
        alarm(test_seconds);
    }
    test_directory(const test_directory &) = delete;
    test_directory &operator=(const test_directory &) = delete;
    ~test_directory()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

private:
    std::string path_ = "/tmp/libsocket-test-XXXXXX";
};

// What a test hands to a callback to learn that it was destroyed: `gone` is
// ready once nobody holds the token any more.
struct token_and_end {
    std::shared_ptr<void> token;
    std::future<void> gone;
};
inline token_and_end make_token()
{
    auto promise = std::make_shared<std::promise<void>>();
    auto gone = promise->get_future();
    void *const address = promise.get();
    return {std::shared_ptr<void>(address,
                                  [promise](void *) { promise->set_value(); }),
            std::move(gone)};
}

#endif
