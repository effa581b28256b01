/** What tables and reports call the networks and their scores. */
export const measure = 'mAP at IoU 0.5';
export const networks = 'detectors';
