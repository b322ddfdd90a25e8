#include "broker/net/host_names.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

namespace drawbridge::net {
namespace {

// The underscore is no letter of DNS, but container runtimes like it.
bool fits_dns(std::string_view name) {
    constexpr std::string_view others = "-._";
    const auto fits = [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               others.find(c) != others.npos;
    };
    return !name.empty() && name.size() <= 253 && name.front() != '.' &&
           std::all_of(name.begin(), name.end(), fits);
}

void add_once(std::vector<std::string>& list, std::string text) {
    if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(std::move(text));
}

std::string kernel_host_name() {
    std::array<char, HOST_NAME_MAX + 1> name{};
    if (gethostname(name.data(), name.size() - 1) != 0 || !fits_dns(name.data()))
        return "localhost";
    return name.data();
}

// The name with its domain; empty when nobody knows one.
std::string qualified(const std::string& host) {
    if (host.find('.') != host.npos) return host;
    addrinfo hints{};
    hints.ai_flags = AI_CANONNAME;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* answers = nullptr;
    if (getaddrinfo(host.c_str(), nullptr, &hints, &answers) != 0) return {};
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(answers, freeaddrinfo);
    return answers->ai_canonname != nullptr && fits_dns(answers->ai_canonname)
               ? answers->ai_canonname
               : std::string();
}

// Empty for what a certificate cannot name.
std::string address_text(const sockaddr* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address == nullptr) return {};
    if (address->sa_family == AF_INET) {
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
        inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    } else if (address->sa_family == AF_INET6) {
        const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
        if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr)) return {};
        inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    }
    return text.data();
}

std::vector<std::string> interface_addresses() {
    std::vector<std::string> addresses{"127.0.0.1", "::1"};
    ifaddrs* interfaces = nullptr;
    if (getifaddrs(&interfaces) != 0) return addresses;
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(interfaces, freeifaddrs);
    for (const ifaddrs* each = interfaces; each != nullptr; each = each->ifa_next) {
        if (addresses.size() == host_addresses_max) break;
        std::string text = address_text(each->ifa_addr);
        if (!text.empty()) add_once(addresses, std::move(text));
    }
    return addresses;
}

}  // namespace

HostNames host_names() {
    HostNames host{kernel_host_name(), {"localhost"}, interface_addresses()};
    add_once(host.names, host.host);
    if (std::string full = qualified(host.host); !full.empty())
        add_once(host.names, std::move(full));
    return host;
}

}  // namespace drawbridge::net
