// BrokerProcess: the broker under test, as a program: started on one data directory, killed,
// started again.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

namespace drawbridge::crash {

// Which program, and how.
struct BrokerUnderTest {
    std::filesystem::path program;
    bool is_mosquitto = false;            // it has another configuration, and no devices
    std::string sync = "full";            // [storage] sync
    std::filesystem::path volatile_disk;  // the library of that name; empty: the disk is honest
};

class BrokerProcess {
public:
    // directory: an empty one, for all that it writes.
    BrokerProcess(BrokerUnderTest broker, std::filesystem::path directory);
    ~BrokerProcess();
    BrokerProcess(const BrokerProcess&) = delete;
    BrokerProcess& operator=(const BrokerProcess&) = delete;

    // Adds a device and returns its key.
    std::string add_device(const std::string& id);
    void start(unsigned threads, std::uint64_t seed);
    // Ends it with the signal and waits until it is gone.
    void end(int signal);
    // It has ended by itself.
    bool has_died();

    std::uint16_t port() const { return port_; }
    bool is_running() const { return process_ > 0; }
    std::filesystem::path data() const { return directory_ / "data"; }
    std::filesystem::path shadow() const { return directory_ / "shadow"; }
    std::filesystem::path packets() const { return directory_ / "packets.log"; }
    std::filesystem::path log() const { return directory_ / "broker.log"; }

private:
    void write_configuration(unsigned threads);

    const BrokerUnderTest broker_;
    const std::filesystem::path directory_;
    std::uint16_t port_ = 0;
    pid_t process_ = -1;  // -1: none
};

}  // namespace drawbridge::crash
