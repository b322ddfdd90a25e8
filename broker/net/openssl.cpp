#include "broker/net/openssl.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <cerrno>
#include <ctime>
#include <stdexcept>
#include <system_error>

namespace drawbridge::net::openssl {
namespace {

Bio open(const std::filesystem::path& file) {
    errno = 0;
    Bio in(BIO_new_file(file.c_str(), "r"));
    if (!in) {
        const std::string why = std::generic_category().message(errno);
        throw std::runtime_error(fmt::format("cannot read {}: {}", file.native(), why));
    }
    return in;
}

// Stands where OpenSSL would ask for a password on the terminal, and has none to give.
int no_password(char*, int, int, void*) { return -1; }

// Was it the end of the file that ended the reading, and not a block that is broken? Empties the
// queue of errors.
bool ended_well() {
    const unsigned long error = ERR_peek_last_error();
    ERR_clear_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

}  // namespace

std::string reason_text(unsigned long error) {
    if (error == 0) return "no reason given";
    if (ERR_SYSTEM_ERROR(error)) return std::generic_category().message(ERR_GET_REASON(error));
    if (const char* words = ERR_reason_error_string(error)) return words;
    return fmt::format("OpenSSL error {:08x}", error);
}

std::string take_reason_text() {
    const unsigned long error = ERR_get_error();
    ERR_clear_error();
    return reason_text(error);
}

WallTime to_time(const ASN1_TIME* time) {
    std::tm fields{};
    if (ASN1_TIME_to_tm(time, &fields) != 1) return WallTime::max();
    return WallClock::from_time_t(::timegm(&fields));
}

Certificate read_certificate(const std::filesystem::path& file) {
    const Bio in = open(file);
    Certificate certificate(PEM_read_bio_X509(in.get(), nullptr, no_password, nullptr));
    ERR_clear_error();
    if (certificate) return certificate;
    throw std::runtime_error(fmt::format("{} holds no certificate in PEM form", file.native()));
}

std::vector<Certificate> read_certificates(const std::filesystem::path& file) {
    const Bio in = open(file);
    std::vector<Certificate> all;
    while (X509* one = PEM_read_bio_X509(in.get(), nullptr, no_password, nullptr))
        all.emplace_back(one);
    if (ended_well() && !all.empty()) return all;
    throw std::runtime_error(
        fmt::format("{} does not hold certificates in PEM form alone", file.native()));
}

std::vector<Crl> read_crls(const std::filesystem::path& file) {
    const Bio in = open(file);
    std::vector<Crl> all;
    while (X509_CRL* one = PEM_read_bio_X509_CRL(in.get(), nullptr, no_password, nullptr))
        all.emplace_back(one);
    if (ended_well() && !all.empty()) return all;
    throw std::runtime_error(
        fmt::format("{} holds no list of revoked certificates in PEM form", file.native()));
}

Key read_key(const std::filesystem::path& file) {
    const Bio in = open(file);
    Key key(PEM_read_bio_PrivateKey(in.get(), nullptr, no_password, nullptr));
    ERR_clear_error();
    if (key) return key;
    throw std::runtime_error(
        fmt::format("{} holds no private key in PEM form without a password", file.native()));
}

}  // namespace drawbridge::net::openssl
