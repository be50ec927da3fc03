// The same program in C++, with the headers that are for it.
#include <libsocket.hpp>

#include <iostream>

int main()
{
    const auto document = libsocket::json_to_msgpack("{\"a\": 5}");
    const bool same = document["a"].value_or(0) == 5 &&
                      libsocket::version() == LIBSOCKET_VERSION;
    std::cout << (same ? libsocket::version()
                       : "not the library that was installed")
              << '\n';
    return same ? 0 : 1;
}
