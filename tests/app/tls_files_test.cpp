// Certificate files that change while the broker runs.
// Method: files in a directory of the test's own, and an invented time; each look is a call.
#include "broker/app/tls_files.hpp"

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/support/certificate_maker.hpp"
#include "tests/support/temporary_directory.hpp"

namespace drawbridge::app {
namespace {

using Catch::Matchers::Contains;
using std::filesystem::path;
using test::CertificateMaker;

class NoPsks final : public core::PskSource {
    std::optional<core::Psk> find(std::string_view) override { return std::nullopt; }
    bool in_force(std::string_view, std::string_view) override { return false; }
};

// The common name of the server's certificate that new connections see.
std::string name_in(const net::CurrentTls& current) {
    const X509* certificate = SSL_CTX_get0_certificate(current.get()->native());
    char name[64] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                              sizeof name);
    return name;
}

class Fixture {
public:
    // A listener with the files of this certificate, copied to fixed names.
    Fixture() {
        listener.name = "mqtts";
        listener.certificate = directory.path() / "live.crt";
        listener.private_key = directory.path() / "live.key";
        put(first);
    }

    void put_certificate(const CertificateMaker::Made& made) { copy(made.certificate, "live.crt"); }
    void put_key(const CertificateMaker::Made& made) { copy(made.private_key, "live.key"); }
    void put(const CertificateMaker::Made& made) {
        put_certificate(made);
        put_key(made);
    }
    void copy(const path& from, const std::string& name) {
        std::filesystem::copy_file(from, directory.path() / (name + ".new"));
        std::filesystem::rename(directory.path() / (name + ".new"), directory.path() / name);
    }

    const test::TemporaryDirectory directory;
    CertificateMaker ca{directory.path(), "ca"};
    const CertificateMaker::Made first = ca.issue("first", "first");
    const CertificateMaker::Made second = ca.issue("second", "second");
    const WallTime now = WallClock::now();
    NoPsks psks;
    TlsFiles files{directory.path() / "tls", psks};
    ListenerConfiguration listener;
};

TEST_CASE_METHOD(Fixture, "files that stay as they are are read once", "[app][tls]") {
    const auto current = files.add(listener, now);
    const auto context = current->get();
    files.look(now);
    files.look(now);
    CHECK(current->get() == context);
    CHECK(name_in(*current) == "first");
}

TEST_CASE_METHOD(Fixture, "new files are for new connections, at the next look", "[app][tls]") {
    const auto current = files.add(listener, now);
    const auto before = current->get();
    put(second);
    CHECK(name_in(*current) == "first");
    files.look(now);
    CHECK(name_in(*current) == "second");
    CHECK(SSL_CTX_get0_certificate(before->native()) != nullptr);  // those there live on with it
}

TEST_CASE_METHOD(Fixture, "a symbolic link that points elsewhere is seen", "[app][tls]") {
    const auto point_to = [&](const CertificateMaker::Made& made) {
        const path directory_link = directory.path() / "..data";
        const path target = made.certificate.stem();
        std::filesystem::create_directory(directory.path() / target);
        std::filesystem::copy_file(made.certificate, directory.path() / target / "tls.crt");
        std::filesystem::copy_file(made.private_key, directory.path() / target / "tls.key");
        std::filesystem::create_directory_symlink(target, directory.path() / "..data.new");
        std::filesystem::rename(directory.path() / "..data.new", directory_link);
    };
    point_to(first);
    listener.certificate = directory.path() / "..data" / "tls.crt";
    listener.private_key = directory.path() / "..data" / "tls.key";
    const auto current = files.add(listener, now);
    point_to(second);
    files.look(now);
    CHECK(name_in(*current) == "second");
}

TEST_CASE_METHOD(Fixture, "a certificate whose key comes later is used when that is there",
                 "[app][tls]") {
    const auto current = files.add(listener, now);
    put_certificate(second);
    files.look(now);
    CHECK(name_in(*current) == "first");
    put_key(second);
    files.look(now);
    CHECK(name_in(*current) == "second");
}

TEST_CASE_METHOD(Fixture, "files that cannot be used leave the old ones in use", "[app][tls]") {
    const auto current = files.add(listener, now);
    std::ofstream(listener.certificate) << "nonsense";
    for (int i = 0; i < 4; ++i) files.look(now);
    files.reread(now);
    CHECK(name_in(*current) == "first");
    std::filesystem::remove(listener.certificate);
    for (int i = 0; i < 4; ++i) files.look(now);
    CHECK(name_in(*current) == "first");
    put(second);
    files.look(now);
    CHECK(name_in(*current) == "second");
}

TEST_CASE_METHOD(Fixture, "all is read again when somebody asks for it", "[app][tls]") {
    const auto current = files.add(listener, now);
    const auto context = current->get();
    files.reread(now);
    CHECK(current->get() != context);
    CHECK(name_in(*current) == "first");
}

TEST_CASE_METHOD(Fixture, "a new CA of clients, or a new list of revoked ones, is read",
                 "[app][tls]") {
    listener.client_ca = ca.file;
    listener.client_crl = ca.revoke({}, CertificateMaker::day);
    const auto current = files.add(listener, now);
    CHECK(*current->get()->crl_end() < now + std::chrono::hours(25));
    ca.revoke({&first}, CertificateMaker::day * 3);
    files.look(now);
    CHECK(*current->get()->crl_end() > now + std::chrono::hours(48));

    const auto context = current->get();
    CertificateMaker other(directory.path(), "other");
    copy(other.file, "ca.crt");
    files.look(now);
    CHECK(current->get() != context);
}

TEST_CASE_METHOD(Fixture, "at the start, files that cannot be used are an error", "[app][tls]") {
    put_certificate(second);
    CHECK_THROWS_WITH(files.add(listener, now), Contains("does not belong to the certificate"));
    put(first);
    CHECK_NOTHROW(files.add(listener, now));
}

TEST_CASE_METHOD(Fixture, "the broker's own certificate is renewed while it runs", "[app][tls]") {
    constexpr std::chrono::hours day{24};
    listener.certificate.clear();
    listener.private_key.clear();
    const auto current = files.add(listener, now);
    const auto context = current->get();
    files.look(now + 500 * day);
    CHECK(current->get() == context);
    files.look(now + 600 * day);
    REQUIRE(current->get() != context);
    CHECK(current->get()->certificate_end() > now + 1'400 * day);
}

TEST_CASE_METHOD(Fixture,
                 "listeners without a certificate share the broker's own, with rules apart",
                 "[app][tls]") {
    listener.certificate.clear();
    listener.private_key.clear();
    const auto one = files.add(listener, now);
    listener.client_ca = ca.file;
    const auto other = files.add(listener, now);
    CHECK(one->get() != other->get());
    CHECK(SSL_CTX_get_verify_mode(one->get()->native()) == SSL_VERIFY_NONE);
    CHECK(SSL_CTX_get_verify_mode(other->get()->native()) == SSL_VERIFY_PEER);
}

}  // namespace
}  // namespace drawbridge::app
