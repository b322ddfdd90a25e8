// The certificates that the broker makes for itself, as files and as strict verifiers see them.
// Method: a directory of the test's own, with invented names and an invented time.

#include "broker/net/certificates.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "broker/net/openssl.hpp"
#include "tests/support/temporary_directory.hpp"

namespace drawbridge::net {
namespace {

using Catch::Matchers::Contains;
using std::filesystem::path;

const WallTime start = WallClock::from_time_t(1'790'000'000);  // 2026-09-21
constexpr std::chrono::hours day{24};
constexpr std::chrono::hours year{24 * 365};

HostNames gate() {
    return {"gate",
            {"localhost", "gate", "gate.example.org"},
            {"127.0.0.1", "::1", "192.0.2.7", "2001:db8::7"}};
}

std::string content(const path& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

void overwrite(const path& file, const std::string& text) { std::ofstream(file) << text; }

mode_t mode_of(const path& file) {
    struct stat found {};
    stat(file.c_str(), &found);
    return found.st_mode & 07777;
}

// Verifies as a TLS client in strict mode would; X509_V_OK, or what is wrong.
int verify(const CertificateFiles& files, const std::string& server, WallTime time) {
    const openssl::Certificate ca = openssl::read_certificate(files.ca);
    const openssl::Certificate certificate = openssl::read_certificate(files.chain);
    const std::unique_ptr<X509_STORE, openssl::FreedBy<X509_STORE_free>> store(X509_STORE_new());
    const std::unique_ptr<X509_STORE_CTX, openssl::FreedBy<X509_STORE_CTX_free>> context(
        X509_STORE_CTX_new());
    X509_STORE_add_cert(store.get(), ca.get());
    X509_STORE_CTX_init(context.get(), store.get(), certificate.get(), nullptr);
    X509_STORE_CTX_set_default(context.get(), "ssl_server");
    X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_time(rules, WallClock::to_time_t(time));
    X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
    X509_VERIFY_PARAM_set_auth_level(rules, 2);
    if (X509_VERIFY_PARAM_set1_ip_asc(rules, server.c_str()) != 1)
        X509_VERIFY_PARAM_set1_host(rules, server.c_str(), server.size());
    X509_verify_cert(context.get());
    return X509_STORE_CTX_get_error(context.get());
}

// A directory with certificates, and what the files held when they were made.
struct Made {
    Made() : Made(gate(), start) {}
    Made(const HostNames& host, WallTime now)
        : files(ensure_certificates(tls, host, now)),
          ca(content(files.ca)),
          server(content(files.chain)) {}

    bool renewed() const { return content(files.chain) != server; }
    bool ca_replaced() const { return content(files.ca) != ca; }
    void ensure(const HostNames& host, WallTime now) { ensure_certificates(tls, host, now); }

    test::TemporaryDirectory data;
    path tls = data.path() / "tls";
    CertificateFiles files;
    std::string ca;
    std::string server;
};

}  // namespace

TEST_CASE("the first start makes a CA and a server certificate", "[net][certificates]") {
    const Made made;
    CHECK(mode_of(made.tls) == 0700);
    CHECK(mode_of(made.tls / "ca.key") == 0600);
    CHECK(mode_of(made.tls / "server.key") == 0600);
    CHECK((mode_of(made.tls / "ca.crt") & 0200) == 0200);
    CHECK(made.files.ca == made.tls / "ca.crt");
    CHECK(made.files.chain == made.tls / "server.crt");
    CHECK(made.files.private_key == made.tls / "server.key");
    CHECK(std::distance(std::filesystem::directory_iterator(made.tls), {}) == 4);
}

TEST_CASE("a strict client accepts the certificate for each name and address, and no other",
          "[net][certificates]") {
    const Made made;
    for (const std::string& name : gate().names)
        CHECK(verify(made.files, name, start) == X509_V_OK);
    for (const std::string& address : gate().addresses)
        CHECK(verify(made.files, address, start) == X509_V_OK);
    CHECK(verify(made.files, "other.example.org", start) == X509_V_ERR_HOSTNAME_MISMATCH);
    CHECK(verify(made.files, "192.0.2.8", start) == X509_V_ERR_IP_ADDRESS_MISMATCH);
}

TEST_CASE("a client whose clock is half an hour behind accepts the certificate",
          "[net][certificates]") {
    const Made made;
    CHECK(verify(made.files, "gate", start - std::chrono::minutes(30)) == X509_V_OK);
    CHECK(verify(made.files, "gate", start - day) == X509_V_ERR_CERT_NOT_YET_VALID);
    CHECK(verify(made.files, "gate", start + 820 * day - day) == X509_V_OK);
    CHECK(verify(made.files, "gate", start + 820 * day + day) == X509_V_ERR_CERT_HAS_EXPIRED);
}

TEST_CASE("the CA names the product and the host", "[net][certificates]") {
    const Made made;
    const openssl::Certificate ca = openssl::read_certificate(made.files.ca);
    char name[128] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(ca.get()), NID_commonName, name, sizeof name);
    CHECK(std::string(name) == "Drawbridge CA on gate");
}

TEST_CASE("a host name of any length fits into the certificates", "[net][certificates]") {
    const std::string name = std::string(63, 'h') + ".example.org";
    const Made made({name, {"localhost", name}, {}}, start);
    CHECK(verify(made.files, name, start) == X509_V_OK);
}

TEST_CASE("each certificate has a serial number of its own", "[net][certificates]") {
    const Made made;
    const openssl::Certificate ca = openssl::read_certificate(made.files.ca);
    const openssl::Certificate server = openssl::read_certificate(made.files.chain);
    CHECK(ASN1_INTEGER_cmp(X509_get0_serialNumber(ca.get()),
                           X509_get0_serialNumber(server.get())) != 0);
}

TEST_CASE("a later start keeps everything", "[net][certificates]") {
    Made made;
    made.ensure(gate(), start + 500 * day);
    CHECK_FALSE(made.renewed());
    CHECK_FALSE(made.ca_replaced());
}

TEST_CASE("the server certificate is renewed nine months before its end", "[net][certificates]") {
    Made made;
    made.ensure(gate(), start + 549 * day);
    CHECK_FALSE(made.renewed());
    made.ensure(gate(), start + 551 * day);
    CHECK(made.renewed());
    CHECK_FALSE(made.ca_replaced());
    CHECK(verify(made.files, "gate", start + (551 + 819) * day) == X509_V_OK);
}

TEST_CASE(
    "a server certificate of an earlier version, which lasts too long for some clients, is renewed",
    "[net][certificates]") {
    Made made;
    const openssl::Certificate server = openssl::read_certificate(made.files.chain);
    const openssl::Key ca_key = openssl::read_key(made.tls / "ca.key");
    const auto issue = [&](int days) {
        ASN1_TIME_set(X509_getm_notAfter(server.get()), WallClock::to_time_t(start + days * day));
        X509_sign(server.get(), ca_key.get(), EVP_sha256());
        const openssl::Bio out(BIO_new_file(made.files.chain.c_str(), "w"));
        PEM_write_bio_X509(out.get(), server.get());
    };
    issue(824);
    const std::string allowed = content(made.files.chain);
    made.ensure(gate(), start + day);
    CHECK(content(made.files.chain) == allowed);

    issue(3650);
    const std::string long_lasting = content(made.files.chain);
    made.ensure(gate(), WallClock::from_time_t(0));  // a clock that has not been set yet
    CHECK(content(made.files.chain) == long_lasting);
    made.ensure(gate(), start + day);
    CHECK(content(made.files.chain) != long_lasting);
    CHECK(verify(made.files, "gate", start + day) == X509_V_OK);
}

TEST_CASE("the server certificate is renewed for a new name or address", "[net][certificates]") {
    Made made;
    HostNames host = gate();

    SECTION("name") { host.names.push_back("gate.local"); }
    SECTION("IPv4 address") { host.addresses.push_back("198.51.100.1"); }
    SECTION("IPv6 address") { host.addresses.push_back("2001:db8::8"); }

    made.ensure(host, start + day);
    CHECK(made.renewed());
    CHECK_FALSE(made.ca_replaced());
    for (const std::string& name : host.names)
        CHECK(verify(made.files, name, start + day) == X509_V_OK);
    for (const std::string& address : host.addresses)
        CHECK(verify(made.files, address, start + day) == X509_V_OK);
}

TEST_CASE("a host that lost an address keeps its certificate", "[net][certificates]") {
    Made made;
    HostNames host = gate();
    host.addresses.pop_back();
    made.ensure(host, start + day);
    CHECK_FALSE(made.renewed());
}

TEST_CASE("a server certificate that cannot serve is replaced", "[net][certificates]") {
    Made made;
    const Made other;

    SECTION("its key is another's") {
        overwrite(made.files.private_key, content(other.files.private_key));
    }
    SECTION("another CA issued it") {
        overwrite(made.files.private_key, content(other.files.private_key));
        overwrite(made.files.chain, other.server);
    }
    SECTION("it is missing") { std::filesystem::remove(made.files.chain); }
    SECTION("its key is missing") { std::filesystem::remove(made.files.private_key); }
    SECTION("it is damaged") { overwrite(made.files.chain, made.server.substr(0, 200)); }
    SECTION("its key is empty") { overwrite(made.files.private_key, ""); }

    made.ensure(gate(), start + day);
    CHECK(made.renewed());
    CHECK_FALSE(made.ca_replaced());
    CHECK(verify(made.files, "gate", start + day) == X509_V_OK);
    CHECK(mode_of(made.files.private_key) == 0600);
}

TEST_CASE("a gateway that boots with the clock of 1970 keeps its certificates",
          "[net][certificates]") {
    Made made;
    made.ensure(gate(), WallClock::from_time_t(60));
    CHECK_FALSE(made.renewed());
    CHECK_FALSE(made.ca_replaced());
}

TEST_CASE("the server certificate never outlives its CA", "[net][certificates]") {
    Made made;
    made.ensure(gate(), start + 19 * year);
    CHECK(made.renewed());
    CHECK(verify(made.files, "gate", start + 20 * year - day) == X509_V_OK);

    const std::string last = content(made.files.chain);
    made.ensure(gate(), start + 20 * year - day);
    CHECK(content(made.files.chain) == last);
}

TEST_CASE("a CA that has run out is replaced", "[net][certificates]") {
    Made made;
    made.ensure(gate(), start + 20 * year + day);
    CHECK(made.ca_replaced());
    CHECK(verify(made.files, "gate", start + 20 * year + day) == X509_V_OK);
}

TEST_CASE("without the CA's key a certificate that works is kept", "[net][certificates]") {
    Made made;
    std::filesystem::remove(made.tls / "ca.key");
    made.ensure(gate(), start + day);

    HostNames host = gate();
    host.addresses.push_back("198.51.100.1");
    made.ensure(host, start + day);
    made.ensure(gate(), start + 819 * day);
    CHECK_FALSE(made.renewed());
    CHECK_FALSE(std::filesystem::exists(made.tls / "ca.key"));
}

TEST_CASE("without the CA's key a certificate that does not work is an error",
          "[net][certificates]") {
    Made made;
    std::filesystem::remove(made.tls / "ca.key");
    CHECK_THROWS_WITH(made.ensure(gate(), start + 821 * day),
                      Contains("server.crt because ") && Contains("ca.key is missing"));
    std::filesystem::remove(made.files.chain);
    CHECK_THROWS_WITH(made.ensure(gate(), start), Contains("ca.key is missing"));
}

TEST_CASE("a CA that lost its certificate is still trusted under its next", "[net][certificates]") {
    Made made;
    std::filesystem::remove(made.files.ca);
    made.ensure(gate(), start + day);
    CHECK(made.ca_replaced());
    overwrite(made.files.ca, made.ca);  // what clients have copied
    CHECK(verify(made.files, "gate", start + day) == X509_V_OK);
}

TEST_CASE("a CA that cannot be read is not replaced", "[net][certificates]") {
    Made made;
    overwrite(made.files.ca, "damaged");
    CHECK_THROWS_WITH(made.ensure(gate(), start), Contains("ca.crt holds no certificate"));
    CHECK(content(made.files.ca) == "damaged");
}

TEST_CASE("a CA with another's key issues nothing", "[net][certificates]") {
    Made made;
    const Made other;
    overwrite(made.tls / "ca.key", content(other.tls / "ca.key"));
    made.ensure(gate(), start);
    CHECK_THROWS_WITH(made.ensure(gate(), start + 9 * year + day),
                      Contains("ca.key does not belong to ") && Contains("ca.crt"));
    CHECK_FALSE(made.renewed());
}

TEST_CASE("a directory that cannot be made is named", "[net][certificates]") {
    const test::TemporaryDirectory data;
    CHECK_THROWS_WITH(ensure_certificates(data.path() / "missing" / "tls", gate(), start),
                      Contains("cannot create ") && Contains("missing/tls: No such file"));
}

TEST_CASE("what an interrupted start left behind is cleared away", "[net][certificates]") {
    const test::TemporaryDirectory data;
    const path tls = data.path() / "tls";
    std::filesystem::create_directory(tls);
    overwrite(tls / "ca.key.new", "half");
    const CertificateFiles files = ensure_certificates(tls, gate(), start);
    CHECK_FALSE(std::filesystem::exists(tls / "ca.key.new"));
    CHECK(mode_of(tls / "ca.key") == 0600);
    CHECK(verify(files, "gate", start) == X509_V_OK);
}

TEST_CASE("this host's certificate names what this host is called", "[net][certificates]") {
    const HostNames host = host_names();
    REQUIRE_FALSE(host.host.empty());
    CHECK(host.names.front() == "localhost");
    CHECK(std::count(host.addresses.begin(), host.addresses.end(), "127.0.0.1") == 1);
    CHECK(std::count(host.addresses.begin(), host.addresses.end(), "::1") == 1);
    for (const std::string& address : host.addresses) CHECK_THAT(address, !Contains("fe80:"));

    const Made made(host, start);
    for (const std::string& name : host.names) CHECK(verify(made.files, name, start) == X509_V_OK);
    for (const std::string& address : host.addresses)
        CHECK(verify(made.files, address, start) == X509_V_OK);
}

}  // namespace drawbridge::net
