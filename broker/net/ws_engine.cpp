#include "broker/net/ws_engine.hpp"

namespace drawbridge::net {

WsStatus WsEngine::receive(Bytes bytes, Buffer& payload) {
    if (upgrade_) {
        if (!upgrade_->failure().empty()) return WsStatus::failed;
        const WsUpgrade::Status status = upgrade_->receive(bytes, answer_);
        if (status == WsUpgrade::Status::refused) return WsStatus::failed;
        if (status == WsUpgrade::Status::incomplete) return WsStatus::ok;
        upgrade_.reset();
    }
    return framer_.receive(bytes, payload);
}

void WsEngine::close() {
    if (!upgrade_) framer_.close(WsClose::normal);
}

void WsEngine::say(Buffer& bytes) {
    bytes.append(answer_.bytes());
    answer_.clear();
    if (framer_.has_words()) framer_.say(bytes);
}

std::string WsEngine::failure() const {
    return upgrade_ ? upgrade_->failure() : std::string(framer_.failure());
}

}  // namespace drawbridge::net
