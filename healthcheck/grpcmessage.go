package healthcheck

import (
	"encoding/binary"
	"errors"
)

// healthServing is SERVING of grpc.health.v1.HealthCheckResponse.ServingStatus.
const healthServing = 1

// healthRequest is a HealthCheckRequest, whose field 1 is the service, as a message of gRPC: a byte that says that it is
// not compressed, and its length.
func healthRequest(service string) []byte {
	var message []byte
	if service != "" {
		message = append(message, 1<<3|2)
		message = binary.AppendUvarint(message, uint64(len(service)))
		message = append(message, service...)
	}
	framed := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
	return append(framed, message...)
}

var errHealthMessage = errors.New("the answer is no HealthCheckResponse")

// healthStatus reads a HealthCheckResponse: its field 1, which is 0 when it is not there. Other fields are passed over
// (protobuf's encoding guide, "Message Structure").
func healthStatus(framed []byte) (uint64, error) {
	if len(framed) < 5 || framed[0] != 0 {
		return 0, errHealthMessage
	}
	length := binary.BigEndian.Uint32(framed[1:])
	message := framed[5:]
	if uint64(length) != uint64(len(message)) {
		return 0, errHealthMessage
	}
	status := uint64(0)
	for len(message) > 0 {
		tag, n := binary.Uvarint(message)
		if n <= 0 || tag>>3 == 0 {
			return 0, errHealthMessage
		}
		message = message[n:]
		skip := uint64(0)
		switch tag & 7 {
		case 0:
			v, n := binary.Uvarint(message)
			if n <= 0 {
				return 0, errHealthMessage
			}
			if tag>>3 == 1 {
				status = v
			}
			skip = uint64(n)
		case 1:
			skip = 8
		case 2:
			length, n := binary.Uvarint(message)
			if n <= 0 || length > uint64(len(message)) {
				return 0, errHealthMessage
			}
			skip = uint64(n) + length
		case 5:
			skip = 4
		default:
			return 0, errHealthMessage
		}
		if skip > uint64(len(message)) {
			return 0, errHealthMessage
		}
		message = message[skip:]
	}
	return status, nil
}
