// A WebSocket client by Boost.Beast, driven line by line from its standard input:
//     beast_client ws|wss HOST PORT PATH SUBPROTOCOL [CA_FILE]
//
//     send HEX...    one binary message; each HEX is a fragment of it
//     text WORD      one text message
//     ping WORD      a ping
//     receive        waits for the next message
//     close          says close and waits for the answer
//
// It answers each line with one line: "ok", "message HEX", "closed CODE" or "error WORDS"; the
// first line, before any command, tells whether there is a WebSocket.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::system::error_code;

struct Arguments {
    std::string scheme, host, port, path, subprotocol, ca_file;
};

std::string from_hex(const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return bytes;
}

std::string to_hex(const std::string& bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string hex;
    for (const char c : bytes) {
        hex += digits[static_cast<unsigned char>(c) >> 4];
        hex += digits[static_cast<unsigned char>(c) & 15];
    }
    return hex;
}

template <class Stream>
class Client {
public:
    explicit Client(Stream& stream) : stream_(stream) {}

    std::string open(const Arguments& arguments) {
        stream_.set_option(websocket::stream_base::decorator([&](websocket::request_type& request) {
            request.set(beast::http::field::sec_websocket_protocol, arguments.subprotocol);
        }));
        stream_.read_message_max(0);  // no limit
        stream_.control_callback([this](websocket::frame_type type, beast::string_view payload) {
            if (type == websocket::frame_type::pong) pong_ = std::string(payload);
        });
        websocket::response_type response;
        error_code error;
        stream_.handshake(response, arguments.host + ":" + arguments.port, arguments.path, error);
        if (error) return "error " + std::to_string(response.result_int()) + " " + error.message();
        return "ok " + std::string(response[beast::http::field::sec_websocket_protocol]);
    }

    std::string obey(const std::string& line) {
        std::istringstream words(line);
        std::string verb;
        std::string word;
        words >> verb;
        error_code error;
        if (verb == "send") {
            stream_.binary(true);
            std::vector<std::string> fragments;
            while (words >> word) fragments.push_back(from_hex(word));
            for (std::size_t i = 0; i < fragments.size() && !error; ++i)
                stream_.write_some(i + 1 == fragments.size(), asio::buffer(fragments[i]), error);
        } else if (verb == "text") {
            words >> word;
            stream_.text(true);
            stream_.write(asio::buffer(word), error);
        } else if (verb == "ping") {
            words >> word;
            stream_.ping(websocket::ping_data(word), error);
        } else if (verb == "receive") {
            return receive();
        } else if (verb == "close") {
            stream_.close(websocket::close_code::normal, error);
            if (!error) return "closed " + std::to_string(stream_.reason().code);
        }
        return error ? "error " + error.message() : "ok";
    }

private:
    std::string receive() {
        beast::flat_buffer buffer;
        error_code error;
        stream_.read(buffer, error);
        if (error == websocket::error::closed)
            return "closed " + std::to_string(stream_.reason().code);
        if (error) return "error " + error.message();
        return "message " + to_hex(beast::buffers_to_string(buffer.data())) + " " + pong_;
    }

    Stream& stream_;
    std::string pong_;  // the last
};

template <class Stream>
int run(Stream& stream, const Arguments& arguments) {
    Client<Stream> client(stream);
    std::cout << client.open(arguments) << std::endl;
    for (std::string line; std::getline(std::cin, line);)
        std::cout << client.obey(line) << std::endl;
    return 0;
}

int run(const Arguments& arguments) {
    asio::io_context io;
    asio::ip::tcp::resolver resolver(io);
    const auto places = resolver.resolve(arguments.host, arguments.port);
    if (arguments.scheme == "ws") {
        websocket::stream<asio::ip::tcp::socket> stream(io);
        asio::connect(stream.next_layer(), places);
        return run(stream, arguments);
    }
    asio::ssl::context context(asio::ssl::context::tls_client);
    context.load_verify_file(arguments.ca_file);
    context.set_verify_mode(asio::ssl::verify_peer);
    websocket::stream<asio::ssl::stream<asio::ip::tcp::socket>> stream(io, context);
    asio::connect(stream.next_layer().next_layer(), places);
    stream.next_layer().set_verify_callback(asio::ssl::host_name_verification(arguments.host));
    stream.next_layer().handshake(asio::ssl::stream_base::client);
    return run(stream, arguments);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 6) {
        std::cerr << "usage: beast_client ws|wss HOST PORT PATH SUBPROTOCOL [CA_FILE]\n";
        return 2;
    }
    try {
        return run({argv[1], argv[2], argv[3], argv[4], argv[5], argc > 6 ? argv[6] : ""});
    } catch (const std::exception& error) {
        std::cout << "error " << error.what() << std::endl;
        return 1;
    }
}
