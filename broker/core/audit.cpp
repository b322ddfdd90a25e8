#include "broker/core/audit.hpp"

namespace drawbridge::core {
namespace {

class NoAudit final : public Audit {
public:
    void note(AuditEvent) override {}
};

}  // namespace

std::string_view to_text(AuditEvent::Kind kind) {
    using Kind = AuditEvent::Kind;
    switch (kind) {
        case Kind::connect_refused:
            return "connect_refused";
        case Kind::subscribe_refused:
            return "subscribe_refused";
        case Kind::publish_refused:
            return "publish_refused";
        case Kind::will_refused:
            return "will_refused";
        case Kind::disconnected:
            return "disconnected";
        case Kind::locked_out:
            return "locked_out";
        case Kind::banned:
            return "banned";
    }
    return "?";
}

Audit& no_audit() {
    static NoAudit instance;
    return instance;
}

}  // namespace drawbridge::core
