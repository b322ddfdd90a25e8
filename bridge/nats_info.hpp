// What INFO says of this broker.
#pragma once

#include "bridge/nats_encoder.hpp"
#include "bridge/nats_settings.hpp"

namespace drawbridge::bridge {

// Without what is the connection's own.
ServerInfo info_of(const NatsSettings& settings);

}  // namespace drawbridge::bridge
