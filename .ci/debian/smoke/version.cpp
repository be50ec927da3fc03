// The headers for C++, and the library that they belong to.
#include <libsocket.hpp>

int main()
{
    return libsocket::version() == LIBSOCKET_VERSION ? 0 : 1;
}
