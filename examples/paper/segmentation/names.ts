/** What tables and reports call the networks and their scores. */
export const measure = 'mIoU';
export const networks = 'segmentation networks';
