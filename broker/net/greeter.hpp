// Greeter: how a port's strangers are received: makes the handshake of the protocol that is spoken
// there.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace drawbridge::net {

class Handshake;
class Loop;
class Stream;

// number: the order of arrival on the loop.
using Greeter =
    std::function<std::unique_ptr<Handshake>(Loop& loop, std::uint64_t number, Stream stream)>;

// MQTT.
Greeter greet_mqtt();

}  // namespace drawbridge::net
