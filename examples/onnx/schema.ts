/**
 * The ONNX file format (https://onnx.ai/onnx/repo-docs/IR.html) as far as it is read and written here: names and
 * numbers of the fields are the format's. Fields that are not listed are skipped when a model is read, so a model
 * must not be written back from what was read.
 */
import protobuf from 'protobufjs';
import { TeacherError } from '../teachers/types.js';

const definition = `
  syntax = "proto2";
  package onnx;
  message ModelProto {
    optional int64 ir_version = 1;
    optional string producer_name = 2;
    optional GraphProto graph = 7;
    repeated OperatorSetIdProto opset_import = 8;
  }
  message OperatorSetIdProto { optional string domain = 1; optional int64 version = 2; }
  message GraphProto {
    repeated NodeProto node = 1;
    optional string name = 2;
    repeated TensorProto initializer = 5;
    repeated ValueInfoProto input = 11;
    repeated ValueInfoProto output = 12;
    repeated ValueInfoProto value_info = 13;
  }
  message NodeProto {
    repeated string input = 1;
    repeated string output = 2;
    optional string name = 3;
    optional string op_type = 4;
    repeated AttributeProto attribute = 5;
    optional string domain = 7;
  }
  message AttributeProto {
    optional string name = 1;
    optional float f = 2;
    optional int64 i = 3;
    optional TensorProto t = 5;
    repeated float floats = 7;
    repeated int64 ints = 8;
    optional int32 type = 20;
  }
  message TensorProto {
    repeated int64 dims = 1;
    optional int32 data_type = 2;
    repeated float float_data = 4 [packed = true];
    repeated int64 int64_data = 7 [packed = true];
    optional string name = 8;
    optional bytes raw_data = 9;
    repeated double double_data = 10 [packed = true];
    repeated StringStringEntryProto external_data = 13;
    optional int32 data_location = 14;
  }
  message StringStringEntryProto { optional string key = 1; optional string value = 2; }
  message ValueInfoProto { optional string name = 1; optional TypeProto type = 2; }
  message TypeProto {
    message Tensor { optional int32 elem_type = 1; optional TensorShapeProto shape = 2; }
    optional Tensor tensor_type = 1;
  }
  message TensorShapeProto {
    message Dimension { optional int64 dim_value = 1; optional string dim_param = 2; }
    repeated Dimension dim = 1;
  }`;

/** Element types of the format. */
export const elementType = { float: 1, int64: 7, double: 11 } as const;
/** float, float16, double, bfloat16 */
export const floatingTypes: ReadonlySet<number> = new Set([1, 10, 11, 16]);
/** Types of attributes. */
export const attributeType = { float: 1, int: 2, tensor: 4, floats: 6, ints: 7 } as const;

export interface Model {
  irVersion?: number;
  producerName?: string;
  graph?: Graph;
  opsetImport?: { domain?: string; version: number }[];
}

export interface Graph {
  name?: string;
  node: Node[];
  initializer: TensorProto[];
  input: ValueInfo[];
  output: ValueInfo[];
}

export interface Node {
  opType: string;
  name?: string;
  /** Names of tensors; '' for an optional one that is left out. */
  input: string[];
  output: string[];
  attribute: Attribute[];
}

export interface Attribute {
  name: string;
  type?: number;
  f?: number;
  i?: number;
  t?: TensorProto;
  ints?: number[];
}

export interface TensorProto {
  name?: string;
  dims: number[];
  dataType: number;
  floatData?: number[];
  int64Data?: number[];
  doubleData?: number[];
  /** Little-endian. */
  rawData?: Uint8Array;
  /** Where the numbers are if they are in another file: location, offset, length. */
  externalData?: { key: string; value: string }[];
  /** 1: in another file. */
  dataLocation?: number;
}

export interface ValueInfo {
  name: string;
  type?: { tensorType?: { elemType?: number; shape?: { dim: Dimension[] } } };
}

/** A size, the name of one that the caller chooses, or neither: unknown. */
export interface Dimension {
  dimValue?: number;
  dimParam?: string;
}

const type = protobuf.parse(definition).root.lookupType('onnx.ModelProto');

/** @throws TeacherError when the bytes are no protobuf message with a graph. `path` is for the message. */
export function decodeModel(bytes: Uint8Array, path: string): Model & { graph: Graph } {
  let model: Model;
  try {
    model = type.toObject(type.decode(bytes), { longs: Number, arrays: true }) as Model;
  } catch (error) {
    throw new TeacherError(`${path}: expected an ONNX model, found a file that is none (${(error as Error).message})`);
  }
  if (!model.graph || model.graph.node.length === 0) {
    throw new TeacherError(`${path}: expected an ONNX model, found a file without a graph`);
  }
  return model as Model & { graph: Graph };
}

export const encodeModel = (model: Model): Uint8Array => type.encode(type.fromObject(model)).finish();
