// What a CONNECT costs a broker, any broker: processor time per connection, by TCP, by TLS, or by
// TLS with a pre-shared key.
//
//     connect_cost PORT PID tcp|tls|psk|psk12 CREDENTIALS [COUNT]
//
// PID: of the broker, whose processor clock is read. CREDENTIALS: a file with a line "ID SECRET"
// for each device; with psk (TLS 1.3) and psk12 (TLS 1.2) the secret is the key in hex, otherwise
// the password. "-" stands for no credentials at all. One connection after the other: connect,
// CONNECT, CONNACK, DISCONNECT, wait until the broker closes. Each uses the next device. Used by
// docs/performance.md; it asserts nothing.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Device {
    std::string id;
    std::string secret;
};

[[noreturn]] void fail(const std::string& what) {
    fmt::print(stderr, "connect_cost: {}\n", what);
    std::exit(1);
}

std::vector<Device> read_devices(const std::string& file) {
    if (file == "-") return {{"nobody", ""}};
    std::ifstream in(file);
    std::vector<Device> devices;
    for (Device device; in >> device.id >> device.secret;) devices.push_back(device);
    if (devices.empty()) fail(file + " holds no line \"ID SECRET\"");
    return devices;
}

void append_text(std::string& packet, std::string_view text) {
    packet += static_cast<char>(text.size() >> 8);
    packet += static_cast<char>(text.size());
    packet += text;
}

// MQTT 3.1.1, clean session.
std::string connect_packet(const Device& device, bool shows_password) {
    std::string body;
    append_text(body, "MQTT");
    body += '\x04';
    body += shows_password ? '\xC2' : '\x02';
    body += '\0';
    body += '\0';
    append_text(body, device.id);
    if (shows_password) {
        append_text(body, device.id);
        append_text(body, device.secret);
    }
    if (body.size() > 127 + 128) fail("id and password are too long");
    std::string packet = "\x10";
    if (body.size() > 127) {
        packet += static_cast<char>(0x80 | (body.size() & 0x7f));
        packet += static_cast<char>(body.size() >> 7);
    } else {
        packet += static_cast<char>(body.size());
    }
    return packet + body;
}

const Device* psk_device = nullptr;  // whose key the next handshake uses

unsigned give_psk(SSL*, const char*, char* identity, unsigned identity_max, unsigned char* key,
                  unsigned key_max) {
    if (psk_device->id.size() + 1 > identity_max) return 0;
    std::memcpy(identity, psk_device->id.c_str(), psk_device->id.size() + 1);
    long size = 0;
    unsigned char* bytes = OPENSSL_hexstr2buf(psk_device->secret.c_str(), &size);
    if (bytes == nullptr || size > static_cast<long>(key_max)) return 0;
    std::memcpy(key, bytes, static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
    return static_cast<unsigned>(size);
}

class Connection {
public:
    Connection(std::uint16_t port, SSL_CTX* tls) {
        fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            fail(std::strerror(errno));
        const int on = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (tls == nullptr) return;
        ssl_ = SSL_new(tls);
        SSL_set_fd(ssl_, fd_);
        if (SSL_connect(ssl_) != 1) fail(ERR_reason_error_string(ERR_get_error()));
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() {
        SSL_free(ssl_);
        ::close(fd_);
    }

    void write(std::string_view bytes) {
        const auto size = static_cast<int>(bytes.size());
        const auto written = ssl_ != nullptr
                                 ? SSL_write(ssl_, bytes.data(), size)
                                 : static_cast<int>(::write(fd_, bytes.data(), bytes.size()));
        if (written != size) fail("the broker does not take what is sent");
    }
    // At most 64 bytes; 0 at the end.
    std::string read() {
        char bytes[64];
        const auto size = ssl_ != nullptr ? SSL_read(ssl_, bytes, sizeof bytes)
                                          : static_cast<int>(::read(fd_, bytes, sizeof bytes));
        return {bytes, static_cast<std::size_t>(std::max(0, size))};
    }

private:
    int fd_ = -1;
    SSL* ssl_ = nullptr;
};

SSL_CTX* make_tls(std::string_view way) {
    if (way == "tcp") return nullptr;
    SSL_CTX* tls = SSL_CTX_new(TLS_client_method());
    if (way == "tls") return tls;
    SSL_CTX_set_psk_client_callback(tls, give_psk);
    if (way == "psk12") {
        SSL_CTX_set_max_proto_version(tls, TLS1_2_VERSION);
        SSL_CTX_set_cipher_list(tls, "PSK");
    } else {
        SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION);
        SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256");
    }
    return tls;
}

double cpu_seconds(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) fail("usage: connect_cost PORT PID tcp|tls|psk|psk12 CREDENTIALS [COUNT]");
    const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
    clockid_t clock{};
    if (::clock_getcpuclockid(std::atoi(argv[2]), &clock) != 0) fail("there is no such process");
    const std::string_view way = argv[3];
    const std::vector<Device> devices = read_devices(argv[4]);
    const int count = argc > 5 ? std::atoi(argv[5]) : 5'000;
    const bool anonymous = std::string_view(argv[4]) == "-";
    SSL_CTX* const tls = make_tls(way);

    const double cpu_before = cpu_seconds(clock);
    const auto began = std::chrono::steady_clock::now();
    for (int n = 0; n < count; ++n) {
        // In steps that leave the broker no device in a row, as a fleet comes.
        const Device& device = devices[static_cast<std::size_t>(n) * 7'919 % devices.size()];
        psk_device = &device;
        Connection connection(port, tls);
        connection.write(connect_packet(device, !anonymous && !way.starts_with("psk")));
        const std::string connack = connection.read();
        if (connack.size() != 4 || connack[3] != 0) fail(fmt::format("{} is refused", device.id));
        connection.write(std::string_view("\xE0\0", 2));
        while (!connection.read().empty()) {
        }
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    fmt::print("{:.4f} CPU s of the broker per 1000 connections, {:.0f} connections/s\n",
               (cpu_seconds(clock) - cpu_before) / count * 1000, count / took.count());
}
