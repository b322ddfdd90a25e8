#include "broker/net/certificates.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include "broker/base/assert.hpp"
#include "broker/base/log.hpp"
#include "broker/net/openssl.hpp"

namespace drawbridge::net {
namespace {

using openssl::Certificate;
using openssl::FreedBy;
using openssl::Key;
using std::filesystem::path;

constexpr std::chrono::hours year{24 * 365};
constexpr auto ca_lifetime = 20 * year;
constexpr int server_days_allowed = 825;  // by Apple's clients
constexpr std::chrono::hours server_lifetime{24 * 820};
constexpr std::chrono::hours server_renewed_before_end{24 * 270};
constexpr auto backdated_by = std::chrono::hours(1);  // clients whose clock is behind
constexpr int serial_bits = 128;
constexpr std::size_t common_name_bytes_max = 64;  // RFC 5280, appendix A: ub-common-name

// ---- Files

[[noreturn]] void fail(const char* what, const path& file) {
    const std::string why = std::generic_category().message(errno);
    throw std::runtime_error(fmt::format("cannot {} {}: {}", what, file.native(), why));
}

class File {
public:
    File(const path& name, int flags, mode_t mode = 0) : fd_(open(name.c_str(), flags, mode)) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() {
        if (fd_ >= 0) close(fd_);
    }

    bool opened() const { return fd_ >= 0; }
    bool sync() { return fsync(fd_) == 0; }
    bool write_all(std::string_view text) {
        while (!text.empty()) {
            const ssize_t written = write(fd_, text.data(), text.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return false;
            text.remove_prefix(static_cast<std::size_t>(written));
        }
        return true;
    }

private:
    int fd_;
};

// After a power cut the file is the old one or the new one, whole.
void replace_file(const path& file, std::string_view text, mode_t mode) {
    const path fresh = file.native() + ".new";
    if (unlink(fresh.c_str()) != 0 && errno != ENOENT) fail("remove", fresh);
    File out(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (!out.opened() || !out.write_all(text) || !out.sync()) fail("write", fresh);
    if (rename(fresh.c_str(), file.c_str()) != 0) fail("replace", file);
    File directory(file.parent_path(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!directory.opened() || !directory.sync()) fail("write", file.parent_path());
}

bool is_there(const path& file) {
    struct stat found;
    if (stat(file.c_str(), &found) == 0) return true;
    if (errno != ENOENT) fail("read", file);
    return false;
}

// ---- What OpenSSL makes

void must(bool made) {
    if (!made)
        throw std::runtime_error("cannot make a certificate: " + openssl::take_reason_text());
}

template <class Writer>
std::string pem(Writer write) {
    const openssl::Bio out(BIO_new(BIO_s_mem()));
    must(out && write(out.get()) == 1);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

void write_certificate(const path& file, X509* certificate) {
    replace_file(file, pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate); }), 0644);
}

void write_key(const path& file, EVP_PKEY* key) {
    const auto write = [&](BIO* out) {
        return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    };
    replace_file(file, pem(write), 0600);
}

Key make_key() {
    Key key(EVP_EC_gen("P-256"));
    must(key != nullptr);
    return key;
}

void set_serial(X509* certificate) {
    const std::unique_ptr<BIGNUM, FreedBy<BN_free>> serial(BN_new());
    must(serial && BN_rand(serial.get(), serial_bits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1);
    must(BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) != nullptr);
}

void set_subject(X509* certificate, const std::string& common_name) {
    X509_NAME* subject = X509_get_subject_name(certificate);
    const auto add = [&](const char* field, std::string_view text) {
        const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
        const int size = static_cast<int>(text.size());
        must(X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8, bytes, size, -1, 0) == 1);
    };
    add("O", "Drawbridge");
    add("CN", std::string_view(common_name).substr(0, common_name_bytes_max));
}

void set_begin(X509* certificate, WallTime time) {
    const std::time_t begin = WallClock::to_time_t(time);
    must(ASN1_TIME_set(X509_getm_notBefore(certificate), begin) != nullptr);
}

void set_end(X509* certificate, WallTime time) {
    const std::time_t end = WallClock::to_time_t(time);
    must(ASN1_TIME_set(X509_getm_notAfter(certificate), end) != nullptr);
}

// value in the words of OpenSSL's x509v3_config(5); never text from outside.
void add_extension(X509* certificate, X509* issuer, int id, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, FreedBy<X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, &context, id, value));
    must(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

void add_host(X509* certificate, const HostNames& host) {
    const std::unique_ptr<GENERAL_NAMES, FreedBy<GENERAL_NAMES_free>> all(GENERAL_NAMES_new());
    must(all != nullptr);
    // Takes value.
    const auto add = [&](int type, ASN1_STRING* value) {
        GENERAL_NAME* name = GENERAL_NAME_new();
        must(name != nullptr && sk_GENERAL_NAME_push(all.get(), name) > 0);
        GENERAL_NAME_set0_value(name, type, value);
    };
    for (const std::string& name : host.names) {
        ASN1_IA5STRING* text = ASN1_IA5STRING_new();
        must(ASN1_STRING_set(text, name.data(), static_cast<int>(name.size())) == 1);
        add(GEN_DNS, text);
    }
    for (const std::string& address : host.addresses) {
        ASN1_OCTET_STRING* octets = a2i_IPADDRESS(address.c_str());
        must(octets != nullptr);
        add(GEN_IPADD, octets);
    }
    must(X509_add1_ext_i2d(certificate, NID_subject_alt_name, all.get(), 0, X509V3_ADD_DEFAULT) ==
         1);
}

Certificate make_certificate(EVP_PKEY* key, const std::string& common_name, WallTime now) {
    Certificate certificate(X509_new());
    must(certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1);
    must(X509_set_pubkey(certificate.get(), key) == 1);
    set_serial(certificate.get());
    set_subject(certificate.get(), common_name);
    set_begin(certificate.get(), now - backdated_by);
    return certificate;
}

// The keys' identifiers tell a verifier this CA from an earlier one of the same name.
void sign(X509* certificate, X509* issuer, EVP_PKEY* issuer_key) {
    must(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1);
    add_extension(certificate, issuer, NID_subject_key_identifier, "hash");
    add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always");
    must(X509_sign(certificate, issuer_key, EVP_sha256()) > 0);
}

Certificate make_ca(EVP_PKEY* key, const HostNames& host, WallTime now) {
    Certificate ca = make_certificate(key, "Drawbridge CA on " + host.host, now);
    set_end(ca.get(), now + ca_lifetime);
    add_extension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add_extension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    sign(ca.get(), ca.get(), key);
    return ca;
}

bool lasts_until(const X509* certificate, WallTime time) {
    std::time_t moment = WallClock::to_time_t(time);
    return X509_cmp_time(X509_get0_notAfter(certificate), &moment) > 0;
}

bool lasts_as_long(const X509* certificate, const X509* other) {
    return ASN1_TIME_compare(X509_get0_notAfter(certificate), X509_get0_notAfter(other)) >= 0;
}

// As those of earlier versions do. (Not yet valid, it is the clock that is wrong.)
bool lasts_longer_than_allowed(const X509* certificate, WallTime now) {
    std::time_t moment = WallClock::to_time_t(now);
    const ASN1_TIME* begin = X509_get0_notBefore(certificate);
    int days = 0;
    int rest_s = 0;
    return X509_cmp_time(begin, &moment) < 0 &&
           ASN1_TIME_diff(&days, &rest_s, begin, X509_get0_notAfter(certificate)) == 1 &&
           days >= server_days_allowed;
}

Certificate make_server(EVP_PKEY* key, X509* ca, EVP_PKEY* ca_key, const HostNames& host,
                        WallTime now) {
    Certificate server = make_certificate(key, host.host, now);
    set_end(server.get(), now + server_lifetime);
    if (lasts_as_long(server.get(), ca))
        must(X509_set1_notAfter(server.get(), X509_get0_notAfter(ca)) == 1);
    add_extension(server.get(), ca, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(server.get(), ca, NID_key_usage, "critical,digitalSignature");
    add_extension(server.get(), ca, NID_ext_key_usage, "serverAuth");
    add_host(server.get(), host);
    sign(server.get(), ca, ca_key);
    return server;
}

// ---- What is there already

// Asks as a client would when it verifies.
bool names_host(X509* certificate, const HostNames& host) {
    constexpr unsigned flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_WILDCARDS;
    for (const std::string& name : host.names)
        if (X509_check_host(certificate, name.data(), name.size(), flags, nullptr) != 1)
            return false;
    for (const std::string& address : host.addresses)
        if (X509_check_ip_asc(certificate, address.c_str(), 0) != 1) return false;
    return true;
}

// The clock's "not yet" counts for nothing here: a gateway that boots with the clock of 1970 shall
// not replace good certificates by ones that end in 1980.
bool issued_by(X509* certificate, X509* ca) {
    const bool issued = X509_check_issued(ca, certificate) == X509_V_OK &&
                        X509_verify(certificate, X509_get0_pubkey(ca)) == 1;
    ERR_clear_error();
    return issued;
}

bool belong_together(X509* certificate, EVP_PKEY* key) {
    const bool together = X509_check_private_key(certificate, key) == 1;
    ERR_clear_error();
    return together;
}

enum class Standing { good, aging, useless };

// A server certificate that cannot be read is as useless as none: it can be made again.
Standing standing_of_server(const CertificateFiles& files, X509* ca, const HostNames& host,
                            WallTime now) try {
    if (!is_there(files.chain) || !is_there(files.private_key)) return Standing::useless;
    const Certificate server = openssl::read_certificate(files.chain);
    const Key key = openssl::read_key(files.private_key);
    if (!belong_together(server.get(), key.get())) return Standing::useless;
    if (!issued_by(server.get(), ca) || !lasts_until(server.get(), now)) return Standing::useless;
    if (!names_host(server.get(), host)) return Standing::aging;
    const bool lasts = lasts_until(server.get(), now + server_renewed_before_end) ||
                       lasts_as_long(server.get(), ca);
    const bool lasts_too_long = lasts_longer_than_allowed(server.get(), now);
    return lasts && !lasts_too_long ? Standing::good : Standing::aging;
} catch (const std::runtime_error&) {
    return Standing::useless;
}

// Null when there is none, or when it has run out. One that cannot be read is an error: clients may
// trust it, so it is not ours to replace.
Certificate living_ca(const path& file, WallTime now) {
    if (!is_there(file)) return nullptr;
    Certificate ca = openssl::read_certificate(file);
    return lasts_until(ca.get(), now) ? std::move(ca) : nullptr;
}

// A key that lost its certificate is used again: clients that trusted the one trust the next.
Key ca_key_for(const path& file) {
    if (is_there(file)) return openssl::read_key(file);
    Key key = make_key();
    write_key(file, key.get());
    return key;
}

}  // namespace

CertificateFiles ensure_certificates(const path& directory, const HostNames& host, WallTime now) {
    ASSERT(!host.names.empty());
    CertificateFiles files{directory / "ca.crt", directory / "server.crt",
                           directory / "server.key"};
    const path ca_key_file = directory / "ca.key";
    if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) fail("create", directory);

    Certificate ca = living_ca(files.ca, now);
    if (ca) {
        const Standing standing = standing_of_server(files, ca.get(), host, now);
        if (standing == Standing::good) return files;
        if (!is_there(ca_key_file)) {
            if (standing == Standing::useless)
                throw std::runtime_error(fmt::format("cannot renew {} because {} is missing",
                                                     files.chain.native(), ca_key_file.native()));
            log::warn("{} is due for renewal, but {} is missing", files.chain.native(),
                      ca_key_file.native());
            return files;
        }
    }

    const Key ca_key = ca_key_for(ca_key_file);
    if (!ca) {
        ca = make_ca(ca_key.get(), host, now);
        write_certificate(files.ca, ca.get());
        log::info("made a CA; clients need its certificate {}", files.ca.native());
    }
    if (!belong_together(ca.get(), ca_key.get()))
        throw std::runtime_error(fmt::format("the private key {} does not belong to {}",
                                             ca_key_file.native(), files.ca.native()));

    const Key key = make_key();
    const Certificate server = make_server(key.get(), ca.get(), ca_key.get(), host, now);
    write_key(files.private_key, key.get());
    write_certificate(files.chain, server.get());
    log::info("made the server certificate {} for {} and the addresses [{}]", files.chain.native(),
              fmt::join(host.names, ", "), fmt::join(host.addresses, ", "));
    return files;
}

}  // namespace drawbridge::net
