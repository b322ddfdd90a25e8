#include "broker/base/result.hpp"

#include "broker/base/assert.hpp"

namespace drawbridge {

void throw_exception_from_error(const Violation& violation, const boost::source_location& where) {
    assertion_failed(violation.rule, where.file_name(), static_cast<int>(where.line()));
}

}  // namespace drawbridge
