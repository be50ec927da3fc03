// A viewer of the progress scenario in C++, with libsocket.hpp.
#include <libsocket.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

// Prints a message; true when it was the last of its run.
static bool draw(const libsocket::event &message)
{
    const libsocket::value data = message.payload();
    const std::string file = data["file"].value_or(std::string("?"));
    switch (message.type()) {
    case libsocket::message_type::control:
        std::printf("[%s] done, files: %lld\n", std::string(20, '#').c_str(),
                    data["files"].value_or(0LL));
        return true;
    case libsocket::message_type::error:
        std::printf("%s: %s\n", file.c_str(),
                    data["text"].value_or(std::string("?")).c_str());
        return false;
    case libsocket::message_type::data:
        break;
    }
    const double percent = data["percent"].value_or(0.0);
    const std::string bar(static_cast<std::size_t>(percent / 5), '#');
    std::printf("[%-20s] %5.1f %% %.8s %s\n", bar.c_str(), percent,
                data["sha256"].value_or(std::string("?")).c_str(),
                file.substr(file.rfind('/') + 1).c_str());
    return false;
}

int main(int argc, char **argv)
try {
    if (argc != 3) {
        std::fputs("usage: viewer unix|tcp RUNS (0: for ever)\n", stderr);
        return 64;
    }
    const long runs = std::atol(argv[2]);
    const auto client = libsocket::client::open(argv[1], "progress",
                                                "wait_for_server = true");
    for (long seen = 0; seen == 0 || seen != runs;) {
        for (const auto event : client.receive(libsocket::forever, 1))
            if (event.kind() == libsocket::event_kind::message)
                seen += draw(event);
        std::fflush(stdout);
    }
    return 0;
} catch (const libsocket::error &e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 69;
}
